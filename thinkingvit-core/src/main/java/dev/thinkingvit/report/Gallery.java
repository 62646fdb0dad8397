package dev.thinkingvit.report;

import dev.thinkingvit.eval.ImageRecord;
import dev.thinkingvit.eval.Recording;
import dev.thinkingvit.eval.Score;
import dev.thinkingvit.eval.StageRecord;
import dev.thinkingvit.eval.TokenDepths;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.picture.Picture;
import dev.thinkingvit.picture.PictureDecoder;
import dev.thinkingvit.picture.Preprocessing;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Base64;
import java.util.Comparator;
import java.util.IntSummaryStatistics;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import javax.imageio.stream.MemoryCacheImageOutputStream;
import org.jspecify.annotations.Nullable;

/** The pictures that stage 1 was surest and least sure of, or whose tokens halt most and least unevenly, ready for the report's template. */
final class Gallery {
    /** Pixels a side: sharp enough at the size shown, small enough for a hundred of them in a page. */
    private static final int MAX_SIDE = 112;
    /** Up to this side, PNG is as small as JPEG and has no smear. */
    private static final int PNG_SIDE = 48;

    private final Recording recording;
    private final List<Double> thresholds;
    private final IntFunction<String> labels;
    private final Preprocessing thumbnail;

    /**
     * @param thresholds the model's own, for the stage at which an image ends
     * @param labels names of classes
     * @param preprocessing the model's: a thumbnail shows what the network saw
     */
    Gallery(Recording recording, List<Double> thresholds, IntFunction<String> labels, Preprocessing preprocessing) {
        this.recording = recording;
        this.thresholds = thresholds;
        this.labels = labels;
        this.thumbnail = new Preprocessing(
                thumbnail(preprocessing.size()),
                preprocessing.cropPct(),
                preprocessing.interpolation(),
                preprocessing.mean(),
                preprocessing.std());
    }

    /** As much of it as a thumbnail takes, in the same proportion. */
    private static ImageSize thumbnail(ImageSize size) {
        double scale = Math.min(1, (double) MAX_SIDE / Math.max(size.height(), size.width()));
        return new ImageSize((int) Math.max(1, Math.rint(size.height() * scale)), (int)
                Math.max(1, Math.rint(size.width() * scale)));
    }

    /** The lowest first-stage entropies, rising. */
    List<Map<String, Object>> easiest(int count) {
        return cards(recording.images().stream().sorted(byEntropy()).limit(count));
    }

    /** The highest first-stage entropies, falling. */
    List<Map<String, Object>> hardest(int count) {
        return cards(recording.images().stream().sorted(byEntropy().reversed()).limit(count));
    }

    /** Pictures whose tokens halt, each with the heat map of its patches. */
    List<Map<String, Object>> depths(List<TokenDepths.Uneven> images, TokenDepthPictures drawn) {
        return images.stream()
                .map(image -> card(image, drawn))
                .filter(Objects::nonNull)
                .toList();
    }

    private @Nullable Map<String, Object> card(TokenDepths.Uneven image, TokenDepthPictures drawn) {
        IntSummaryStatistics depths =
                image.depths().stream().mapToInt(Integer::intValue).summaryStatistics();
        try {
            return Map.of(
                    "picture", dataUri(thumbnail.resizeAndCrop(PictureDecoder.decode(image.path()))),
                    "heat", dataUri(drawn.map(image.depths()), "png"),
                    "name", String.valueOf(image.path().getFileName()),
                    "truth", image.labels().stream().map(labels::apply).collect(Collectors.joining(", ")),
                    "mean", Numbers.fixed(depths.getAverage(), 2),
                    "least", depths.getMin(),
                    "largest", depths.getMax());
        } catch (IOException e) {
            return null; // gone since it was recorded: the page has room for others
        }
    }

    private static Comparator<ImageRecord> byEntropy() {
        return Comparator.comparingDouble(image -> image.stage(1).entropyNats());
    }

    private List<Map<String, Object>> cards(Stream<ImageRecord> images) {
        return images.map(this::card).filter(Objects::nonNull).toList();
    }

    private @Nullable Map<String, Object> card(ImageRecord image) {
        StageRecord first = image.stage(1);
        StageRecord last = image.stage(recording.stages());
        try {
            return Map.of(
                    "picture", dataUri(thumbnail.resizeAndCrop(PictureDecoder.decode(image.path()))),
                    "name", String.valueOf(image.path().getFileName()),
                    "truth", image.labels().stream().map(labels::apply).collect(Collectors.joining(", ")),
                    "first", said(first),
                    "firstRight", first.inTop1(),
                    "last", said(last),
                    "lastRight", last.inTop1(),
                    "entropy", Numbers.fixed(first.entropyNats(), first.entropyNats() < 0.01 ? 4 : 2),
                    "stage", recording.exit(image, thresholds));
        } catch (IOException e) {
            return null; // gone since it was recorded: the page has room for others
        }
    }

    private String said(StageRecord stage) {
        return stage.predicted() == Score.Fared.NO_CLASS ? "no class" : labels.apply(stage.predicted());
    }

    private static String dataUri(Picture picture) throws IOException {
        return dataUri(MaskPictures.picture(picture));
    }

    /** The image as a page's own. */
    static String dataUri(BufferedImage image) throws IOException {
        return dataUri(image, image.getWidth() <= PNG_SIDE ? "png" : "jpeg");
    }

    private static String dataUri(BufferedImage image, String format) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        // not ImageIO's own stream: it keeps a file, and a hook that a process that is told to end cannot have any more
        try (MemoryCacheImageOutputStream stream = new MemoryCacheImageOutputStream(out)) {
            if (!ImageIO.write(image, format, stream)) {
                throw new IOException("this Java has no writer for " + format);
            }
        }
        return "data:image/" + format + ";base64," + Base64.getEncoder().encodeToString(out.toByteArray());
    }
}
