package dev.thinkingvit.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.data.SegmentationSet;
import dev.thinkingvit.inference.ElasticClassifier;
import dev.thinkingvit.inference.ElasticSegmenter;
import dev.thinkingvit.inference.Router;
import dev.thinkingvit.inference.Routers;
import dev.thinkingvit.inference.Segmentation;
import dev.thinkingvit.inference.SegmentationOptions;
import dev.thinkingvit.inference.SlidingWindow;
import dev.thinkingvit.inference.StopPolicy;
import dev.thinkingvit.inference.WindowThought;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.model.SegmenterConfig;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.picture.Picture;
import dev.thinkingvit.picture.PictureDecoder;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.store.ModelDirectory;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.TreeSet;
import javax.imageio.ImageIO;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@NullUnmarked // a null fails the test
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class PixelRecorderTest {
    private static final int CLASSES = 4;
    private static final SlidingWindow WINDOW = new SlidingWindow(ImageSize.square(16), 12);
    private static final SegmentationOptions WINDOWS = new SegmentationOptions(WINDOW, 0, 0, List.of(1.0), false);

    @TempDir
    private static Path shared;

    private Path folder;

    private ElasticSegmenter two;
    private ElasticSegmenter three;
    private SegmentationSet set;

    @BeforeAll
    void arrange() throws IOException {
        folder = shared;
        two = segmenter(List.of(1, 3));
        three = segmenter(List.of(1, 2, 3));
        SplittableRandom random = new SplittableRandom(7);
        int[][] sizes = {{30, 41}, {16, 16}, {25, 18}, {9, 13}, {17, 40}};
        for (int i = 0; i < sizes.length; i++) {
            picture("images/val/" + i + ".png", sizes[i][0], sizes[i][1], random);
            annotation("annotations/val/" + i + ".png", sizes[i][0], sizes[i][1], random);
        }
        Files.writeString(folder.resolve("labels.txt"), "a\nb\n-void\nc\nd\n");
        set = SegmentationSet.open(folder, "val");
    }

    @AfterAll
    void close() {
        two.close();
        three.close();
    }

    private static ElasticSegmenter segmenter(List<Integer> heads) {
        SegmenterConfig config =
                SegmenterConfig.of(ImageSize.square(16), 8, 24, 2, 3, heads, CLASSES, SegmenterConfig.Decoder.LINEAR);
        return ElasticSegmenter.of(ElasticClassifier.of(
                new ModelDirectory.Model(
                        Path.of("made-up"),
                        ModelConfig.of(config),
                        config.parameters().draw(3)),
                Precision.FP32));
    }

    private void picture(String name, int height, int width, SplittableRandom random) throws IOException {
        BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                image.setRGB(x, y, random.nextInt(1 << 24));
            }
        }
        write(name, image);
    }

    private void annotation(String name, int height, int width, SplittableRandom random) throws IOException {
        BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_BYTE_GRAY);
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                image.getRaster().setSample(x, y, 0, random.nextInt(5));
            }
        }
        write(name, image);
    }

    private void write(String name, BufferedImage image) throws IOException {
        Path file = folder.resolve(name);
        Files.createDirectories(file.getParent());
        assertThat(ImageIO.write(image, "png", file.toFile())).isTrue();
    }

    private PixelRecording record(
            ElasticSegmenter segmenter, SegmentationOptions looks, Router router, List<List<Double>> apart)
            throws IOException {
        return PixelRecorder.record(
                segmenter, set, set.samples(), new PixelRecorder.Options(looks, router, apart, 2, 2), done -> {});
    }

    static List<Arguments> looks() {
        return List.of(
                Arguments.of("windows that overlap", WINDOWS, Routers.ENTROPY),
                Arguments.of("surer when more", WINDOWS, Routers.MAX_PROBABILITY),
                Arguments.of("resized", WINDOWS.resized(24), Routers.ENTROPY),
                Arguments.of("scaled and mirrored", WINDOWS.viewed(List.of(0.75, 1.5), true), Routers.ENTROPY),
                Arguments.of("whole", SegmentationOptions.whole(), Routers.ENTROPY));
    }

    /** What really stopping at a threshold gives. */
    private PixelRow stopped(ElasticSegmenter segmenter, SegmentationOptions looks, StopPolicy policy)
            throws IOException {
        int stages = segmenter.config().network().stages();
        PixelCounts counts = new PixelCounts(CLASSES);
        int[] ended = new int[stages];
        long macs = 0;
        for (Path path : set.samples().stream().map(sample -> sample.path()).toList()) {
            Picture picture = PictureDecoder.decode(path);
            Segmentation seen =
                    segmenter.segment(List.of(picture), looks, policy).get(0);
            counts.add(seen.labels(), set.labels(path));
            int[] own = seen.windowsByStage(stages);
            for (int k = 0; k < stages; k++) {
                ended[k] += own[k];
            }
            macs += seen.macs();
        }
        List<PixelRow.OfClass> classes = new ArrayList<>();
        for (int c = 0; c < CLASSES; c++) {
            long labelled = 0;
            long predicted = 0;
            for (int other = 0; other < CLASSES; other++) {
                labelled += counts.of(c, other);
                predicted += counts.of(other, c);
            }
            classes.add(new PixelRow.OfClass(labelled, predicted, counts.of(c, c)));
        }
        PixelRow row = new PixelRow(
                policy.thresholds(),
                set.samples().size(),
                java.util.Arrays.stream(ended).boxed().toList(),
                macs,
                classes);
        assertThat(row.meanIou()).isCloseTo(100 * counts.meanIou(), within(1e-9));
        assertThat(row.pixelAccuracy()).isCloseTo(100 * counts.pixelAccuracy(), within(1e-9));
        assertThat(row.meanAccuracy()).isCloseTo(100 * counts.meanAccuracy(), within(1e-9));
        return row;
    }

    /** A threshold between each two neighbouring measures, and beyond all. */
    private static List<Double> everyThreshold(PixelRecording recording) {
        TreeSet<Double> measures = new TreeSet<>();
        for (PixelRecord picture : recording.pictures()) {
            for (WindowThought window : picture.windows()) {
                measures.addAll(window.measures().subList(0, recording.stages() - 1));
            }
        }
        List<Double> thresholds = new ArrayList<>();
        double before = measures.first() - 1;
        for (double measure : measures) {
            thresholds.add((before + measure) / 2);
            before = measure;
        }
        thresholds.add(before + 1);
        return thresholds;
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("looks")
    void everyThresholdScoresAsIfWindowsReallyStoppedThere(String name, SegmentationOptions looks, Router router)
            throws IOException {
        for (ElasticSegmenter segmenter : List.of(two, three)) {
            PixelRecording recording = record(segmenter, looks, router, List.of());
            PixelSweep sweep = new PixelSweep(recording);
            List<Double> thresholds = everyThreshold(recording);
            for (int i = 0; i < thresholds.size(); i += Math.max(1, thresholds.size() / 12)) {
                double threshold = thresholds.get(i);
                assertThat(sweep.at(threshold))
                        .as("threshold " + threshold)
                        .isEqualTo(stopped(segmenter, looks, StopPolicy.of(router, threshold)));
            }
            int stages = recording.stages();
            assertThat(sweep.alwaysThink()).isEqualTo(stopped(segmenter, looks, StopPolicy.alwaysThink(router)));
            for (int stage = 1; stage <= stages; stage++) {
                PixelRow ending = stopped(segmenter, looks, StopPolicy.endingAt(stage, stages));
                assertThat(sweep.always(stage).classes()).isEqualTo(ending.classes());
                assertThat(sweep.always(stage).macs()).isEqualTo(ending.macs());
                assertThat(sweep.always(stage).ended()).isEqualTo(ending.ended());
            }
        }
    }

    @Test
    void thresholdsOfTheirOwnForEachBoundaryAreScoredIfAskedForBefore() throws IOException {
        PixelRecording known = record(three, WINDOWS, Routers.ENTROPY, List.of());
        List<Double> apart = List.of(middle(known, 1), middle(known, 2));
        PixelRecording recording = record(three, WINDOWS, Routers.ENTROPY, List.of(apart));
        PixelRow row = new PixelSweep(recording).at(apart);
        assertThat(row.ended()).as("all stages are met").doesNotContain(0);
        assertThat(row).isEqualTo(stopped(three, WINDOWS, new StopPolicy(Routers.ENTROPY, apart)));
        assertThat(new PixelSweep(recording).at(List.of(1.3, 1.3)).classes())
                .isEqualTo(new PixelSweep(recording).at(1.3).classes());
        assertThatThrownBy(() -> new PixelSweep(recording).at(List.of(1.2, 1.3)))
                .hasMessageContaining("[1.2, 1.3] differ from boundary to boundary and were not recorded");
        assertThatThrownBy(() -> new PixelSweep(recording).at(List.of(1.2, 1.3, 1.4)))
                .hasMessageContaining("a model of 3 stages takes 1 or 2 thresholds");
    }

    /** A threshold that stops half of the windows at a stage. */
    private static double middle(PixelRecording recording, int stage) {
        List<Double> measures = recording.pictures().stream()
                .flatMap(picture -> picture.windows().stream())
                .map(window -> window.measures().get(stage - 1))
                .sorted()
                .toList();
        int half = measures.size() / 2;
        return (measures.get(half - 1) + measures.get(half)) / 2;
    }

    @Test
    void aPicturesOwnShareOfRightPixelsFollowsTheThreshold() throws IOException {
        PixelRecording recording = record(two, WINDOWS, Routers.ENTROPY, List.of());
        List<Double> thresholds = everyThreshold(recording);
        double threshold = thresholds.get(thresholds.size() / 2);
        for (PixelRecord picture : recording.pictures()) {
            PixelCounts counts = new PixelCounts(CLASSES);
            Segmentation seen = two.segment(
                            List.of(PictureDecoder.decode(picture.path())),
                            WINDOWS,
                            StopPolicy.of(Routers.ENTROPY, threshold))
                    .get(0);
            counts.add(seen.labels(), set.labels(picture.path()));
            assertThat(picture.accuracy(Routers.ENTROPY, threshold))
                    .isCloseTo(100 * counts.pixelAccuracy(), within(1e-9));
            assertThat(picture.labelled()).isEqualTo(counts.pixels());
        }
    }

    @Test
    void targetsAreMetAsByTryingEveryThreshold() throws IOException {
        PixelRecording recording = record(two, WINDOWS, Routers.ENTROPY, List.of());
        PixelSweep sweep = new PixelSweep(recording);
        List<PixelRow> rows = everyThreshold(recording).stream().map(sweep::at).toList();
        PixelRow always = sweep.alwaysThink();
        PixelCalibrator calibrator = new PixelCalibrator(recording);

        PixelRow cost = calibrator
                .choose(new Target(Target.Kind.GMACS, 0, always.gmacs() * 0.6))
                .row();
        assertThat(cost.gmacs())
                .isEqualTo(rows.stream()
                        .mapToDouble(PixelRow::gmacs)
                        .filter(gmacs -> gmacs <= always.gmacs() * 0.6)
                        .max()
                        .orElseThrow());
        PixelCalibrator.Choice drop = calibrator.choose(Target.parse("accuracy-drop=0.3"));
        assertThat(drop.row().gmacs())
                .isEqualTo(rows.stream()
                        .filter(row -> always.meanIou() - row.meanIou() <= 0.3 + 1e-9)
                        .mapToDouble(PixelRow::gmacs)
                        .min()
                        .orElseThrow());
        assertThat(drop.alwaysThink()).isEqualTo(always);
        assertThat(drop.curve())
                .anySatisfy(point -> assertThat(point.threshold()).isEqualTo(drop.threshold()));
        assertThat(calibrator.choose(Target.parse("stage2=50%")).row().shareNeeding(2))
                .isEqualTo(rows.stream()
                        .mapToDouble(row -> row.shareNeeding(2))
                        .filter(share -> share <= 0.5)
                        .max()
                        .orElseThrow());
        assertThatThrownBy(() -> calibrator.choose(Target.parse("gmacs=0")))
                .hasMessageContaining("cannot be reached; thresholds reach from ");
    }

    @Test
    void whatCannotBeScoredIsSkippedAndNamed(@TempDir Path other) throws IOException {
        SplittableRandom random = new SplittableRandom(1);
        folder = other;
        try {
            for (String name : List.of("a", "b", "c", "d", "e")) {
                picture("images/" + name + ".png", 20, 24, random);
                annotation(
                        "annotations/" + name + ".png", name.equals("b") ? 24 : 20, name.equals("b") ? 20 : 24, random);
            }
            Files.writeString(other.resolve("images/c.png"), "no picture");
            Files.writeString(other.resolve("annotations/d.png"), "no annotation");
            BufferedImage outside = new BufferedImage(24, 20, BufferedImage.TYPE_BYTE_GRAY);
            outside.getRaster().setSample(3, 1, 0, 9);
            write("annotations/e.png", outside);
            Files.writeString(other.resolve("labels.txt"), "a\nb\n-void\nc\nd\n");
            SegmentationSet broken = SegmentationSet.open(other, "");
            PixelRecorder.Options options = new PixelRecorder.Options(WINDOWS, Routers.ENTROPY, List.of(), 2, 1);
            PixelRecording recording = PixelRecorder.record(two, broken, broken.samples(), options, done -> {});
            assertThat(recording.pictures()).hasSize(1);
            assertThat(recording.skipped()).hasSize(4);
            assertThat(recording.skipped().get(0).message())
                    .endsWith("b.png: does not fit: it has 24x20 pixels, its annotation has 20x24");
            assertThat(recording.skipped().get(1).message()).contains("c.png");
            assertThat(recording.skipped().get(2).message()).contains("d.png: cannot be read as a PNG of labels");
            assertThat(recording.skipped().get(3).message())
                    .contains("e.png: the pixel in column 3, row 1 has the number 9, which is no class");
        } finally {
            folder = shared;
        }
    }

    @Test
    void annotationsThatLeaveOutEverythingAreSaid(@TempDir Path other) throws IOException {
        folder = other;
        try {
            picture("images/a.png", 20, 24, new SplittableRandom(1));
            BufferedImage empty = new BufferedImage(24, 20, BufferedImage.TYPE_BYTE_GRAY);
            for (int i = 0; i < 480; i++) {
                empty.getRaster().setSample(i % 24, i / 24, 0, 255);
            }
            write("annotations/a.png", empty);
            Files.writeString(other.resolve("labels.txt"), "a\nb\nc\nd\n");
            SegmentationSet nothing = SegmentationSet.open(other, "");
            PixelRecorder.Options options = new PixelRecorder.Options(WINDOWS, Routers.ENTROPY, List.of(), 2, 1);
            assertThatThrownBy(() -> PixelRecorder.record(two, nothing, nothing.samples(), options, done -> {}))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("none of its pixels are labelled: its 1 annotations leave out all of them");

            Files.writeString(other.resolve("labels.txt"), "a\nb\n");
            SegmentationSet fewer = SegmentationSet.open(other, "");
            assertThatThrownBy(() -> PixelRecorder.record(two, fewer, fewer.samples(), options, done -> {}))
                    .hasMessageContaining("has 2 classes, the model 4: as many are required");
        } finally {
            folder = shared;
        }
    }
}
