package dev.thinkingvit.model;

import dev.thinkingvit.example.ReZeroViT;
import dev.thinkingvit.picture.ImageSize;
import java.util.List;
import java.util.stream.Stream;

/** The networks of the contract suite: a few small shapes of each architecture. */
final class Specimens {
    static final List<Specimen> ALL = Stream.of(
                    thinkingViT(), swin(), dynamicViT(), segmenter(), adaptiveViT(), reZeroViT())
            .flatMap(List::stream)
            .toList();

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

    private static List<Specimen> dynamicViT() {
        return List.of(
                new Specimen(
                        "Thinking DynamicViT that leaves tokens out in its last stage, narrower than the network",
                        new DynamicViTConfig(
                                new ThinkingViTConfig(40, 8, 48, 4, 6, List.of(1, 4), 10, 1e-6),
                                List.of(1, 3),
                                List.of(0.7, 0.49)),
                        new DynamicViTConfig(
                                new ThinkingViTConfig(40, 8, 8, 4, 1, List.of(1), 10, 1e-6), List.of(), List.of())),
                new Specimen(
                        "Thinking DynamicViT that leaves tokens out in all of three stages, before the first block too",
                        new DynamicViTConfig(
                                new ThinkingViTConfig(24, 4, 24, 2, 3, List.of(1, 2, 3), 5, 1e-6),
                                List.of(0, 1),
                                List.of(0.6, 0.6),
                                List.of(1, 2, 3))),
                new Specimen(
                        "DynamicViT of one stage, of images that are no squares, down to one token, among which is chosen",
                        new DynamicViTConfig(
                                new ThinkingViTConfig(new ImageSize(16, 24), 8, 16, 2, 2, List.of(2), 4, 1e-6),
                                List.of(0, 1),
                                List.of(0.1, 0.1))));
    }

    private static List<Specimen> segmenter() {
        ImageSize square = ImageSize.square(24);
        ImageSize uneven = new ImageSize(19, 43); // neither side is whole patches
        List<Integer> nested = List.of(1, 2, 4); // of five heads
        return List.of(
                new Specimen(
                        "Thinking Segmenter with a linear decoder, of three stages, the last narrower than the network",
                        SegmenterConfig.of(square, 8, 40, 2, 5, nested, 6, SegmenterConfig.Decoder.LINEAR),
                        SegmenterConfig.of(square, 8, 8, 2, 1, List.of(1), 6, SegmenterConfig.Decoder.LINEAR)),
                new Specimen(
                        "Thinking Segmenter of crops that are filled up",
                        SegmenterConfig.of(uneven, 8, 24, 2, 3, List.of(1, 3), 4, SegmenterConfig.Decoder.LINEAR),
                        SegmenterConfig.of(uneven, 8, 8, 2, 1, List.of(1), 4, SegmenterConfig.Decoder.LINEAR)),
                new Specimen(
                        "Thinking Segmenter with a mask transformer, the last stage narrower than the network",
                        SegmenterConfig.of(square, 8, 48, 2, 3, List.of(1, 2), 11, SegmenterConfig.Decoder.MASK)),
                new Specimen(
                        "Segmenter of one stage with a mask transformer, of crops that are filled up",
                        SegmenterConfig.of(uneven, 8, 32, 1, 2, List.of(2), 13, SegmenterConfig.Decoder.MASK)));
    }

    private static List<Specimen> adaptiveViT() {
        return List.of(
                new Specimen(
                        "A-ViT, 26 tokens: some halt after the first block, some never",
                        new AdaptiveViT(new ThinkingViTConfig(40, 8, 24, 4, 3, List.of(3), 5, 1e-6), 3, 3, 0.01)),
                new Specimen(
                        "ThinkingViT in whose last stage tokens halt",
                        new AdaptiveViT(
                                new ThinkingViTConfig(new ImageSize(16, 40), 8, 32, 3, 4, List.of(1, 2, 4), 6, 1e-6),
                                4,
                                2,
                                0.05)),
                new Specimen(
                        "A-ViT of one block, after which every token halts",
                        new AdaptiveViT(new ThinkingViTConfig(16, 8, 8, 1, 2, List.of(2), 3, 1e-6), 10, 30, 0.01)));
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
