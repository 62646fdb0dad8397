package dev.thinkingvit.model;

import dev.thinkingvit.example.ReZeroViT;
import dev.thinkingvit.picture.ImageSize;
import java.util.List;
import java.util.stream.Stream;

/** The networks of the contract suite: a few small shapes of each architecture. */
final class Specimens {
    static final List<Specimen> ALL =
            Stream.of(thinkingViT(), swin(), reZeroViT()).flatMap(List::stream).toList();

    private Specimens() {}

    private static List<Specimen> thinkingViT() {
        return List.of(
                new Specimen(
                        "ThinkingViT of two stages, 26 tokens: groups of 16, 4 and 1 images",
                        new ThinkingViTConfig(40, 8, 64, 3, 4, List.of(1, 4), 10, 1e-6),
                        new ThinkingViTConfig(40, 8, 16, 3, 1, List.of(1), 10, 1e-6)),
                new Specimen(
                        "ThinkingViT of four stages, the last narrower than the network",
                        new ThinkingViTConfig(16, 4, 60, 2, 6, List.of(1, 2, 3, 5), 7, 1e-5),
                        new ThinkingViTConfig(16, 4, 10, 2, 1, List.of(1), 7, 1e-5)),
                new Specimen(
                        "ThinkingViT that is wide and shallow",
                        new ThinkingViTConfig(16, 8, 192, 1, 3, List.of(2, 3), 3, 1e-6),
                        new ThinkingViTConfig(16, 8, 128, 1, 2, List.of(2), 3, 1e-6)),
                new Specimen(
                        "ThinkingViT of images that are no squares",
                        new ThinkingViTConfig(new ImageSize(16, 40), 8, 24, 2, 3, List.of(1, 3), 4, 1e-6),
                        new ThinkingViTConfig(new ImageSize(16, 40), 8, 8, 2, 1, List.of(1), 4, 1e-6)),
                new Specimen("plain ViT of one stage", new ThinkingViTConfig(24, 8, 32, 2, 4, List.of(4), 2, 1e-6)));
    }

    private static List<Specimen> swin() {
        return List.of(
                new Specimen(
                        "Thinking Swin whose windows fit",
                        swin(square(32), 12, List.of(2, 1), List.of(3, 6), 4, List.of(List.of(1, 3), List.of(3, 6))),
                        swin(square(32), 12, List.of(2, 1), List.of(3, 6), 4, List.of(List.of(1, 3)))),
                new Specimen(
                        "Thinking Swin whose windows are filled up and shifted, whose rounds are never whole",
                        swin(square(40), 12, List.of(2, 2), List.of(3, 6), 3, List.of(List.of(1, 4), List.of(2, 3))),
                        swin(square(40), 12, List.of(2, 2), List.of(3, 6), 3, List.of(List.of(1, 4)))),
                new Specimen(
                        "Thinking Swin of three rounds, the first level no wider in the second",
                        swin(
                                square(32),
                                12,
                                List.of(1, 2),
                                List.of(3, 6),
                                4,
                                List.of(List.of(2, 2), List.of(2, 4), List.of(3, 6)))),
                new Specimen(
                        "Thinking Swin of images that are no squares: windows are cut short along one side",
                        swin(
                                new ImageSize(16, 48),
                                6,
                                List.of(2, 2),
                                List.of(3, 6),
                                4,
                                List.of(List.of(1, 4), List.of(3, 6)))),
                new Specimen(
                        "plain Swin of one round", swin(square(16), 8, List.of(2), List.of(2), 2, List.of(List.of(2)))),
                new Specimen(
                        "Swin of one round whose grids are odd: merging fills them up",
                        swin(
                                new ImageSize(28, 36),
                                8,
                                List.of(1, 2, 1),
                                List.of(2, 4, 8),
                                3,
                                List.of(List.of(1, 3, 8)))));
    }

    private static List<Specimen> reZeroViT() {
        return List.of(
                new Specimen(
                        "nested ReZero ViT that recycles, of unlike depths",
                        new ReZeroViT(new ImageSize(20, 12), 4, 6, List.of(2, 1, 3), List.of(1, 2, 3), true, 6),
                        new ReZeroViT(new ImageSize(20, 12), 4, 6, List.of(2), List.of(1), true, 6)),
                new Specimen(
                        "nested ReZero ViT whose stages begin anew",
                        new ReZeroViT(ImageSize.square(12), 4, 8, List.of(3, 3), List.of(2, 4), false, 4),
                        new ReZeroViT(ImageSize.square(12), 4, 8, List.of(3), List.of(2), false, 4)));
    }

    private static ImageSize square(int side) {
        return ImageSize.square(side);
    }

    private static SwinConfig swin(
            ImageSize image,
            int width,
            List<Integer> depths,
            List<Integer> heads,
            int window,
            List<List<Integer>> rounds) {
        List<Integer> windows = depths.stream().map(each -> window).toList();
        return new SwinConfig(image, 4, width, depths, heads, windows, rounds, 5);
    }
}
