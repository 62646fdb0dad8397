package dev.thinkingvit.inference;

import dev.thinkingvit.files.Words;
import dev.thinkingvit.inference.WindowEngine.Looks;
import dev.thinkingvit.picture.Bilinear;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.picture.Picture;
import dev.thinkingvit.picture.Preprocessing;
import dev.thinkingvit.picture.UnfitPictureException;
import dev.thinkingvit.store.ModelConfig;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * Names the class of each pixel of pictures, spending on each window of them what it takes.
 *
 * <pre>{@code
 * try (ElasticSegmenter segmenter = ElasticSegmenter.open(Path.of("my-segmenter"))) {
 *     Segmentation street = segmenter.segment(PictureDecoder.decode(Path.of("street.jpg")));
 *     System.out.println(segmenter.config().label(street.labels()[0]) + ", " + street.gmacs() + " GMACs");
 * }
 * }</pre>
 *
 * <p>Safe from any thread. Results are plain Java. Owns the model; close it.
 */
public final class ElasticSegmenter implements AutoCloseable {
    private static final float LEVELS = 255;

    private final ElasticClassifier model;
    private final WindowEngine windows;

    private ElasticSegmenter(ElasticClassifier model) {
        this.model = model;
        this.windows = new WindowEngine(model.engine());
    }

    /**
     * Loads a model; see {@link ElasticClassifier#open(Path)}.
     *
     * @throws IllegalArgumentException also if it names pictures and not their pixels; it is closed then
     */
    public static ElasticSegmenter open(Path path) {
        return of(ElasticClassifier.open(path));
    }

    /**
     * Of a model that is open.
     *
     * @param model owned from now on, and closed if it is refused
     * @throws IllegalArgumentException if it names pictures and not their pixels
     */
    public static ElasticSegmenter of(ElasticClassifier model) {
        Objects.requireNonNull(model, "the model is null");
        if (!model.config().network().readout().isOfPixels()) {
            String kind = model.config().network().title();
            model.close();
            throw new IllegalArgumentException(
                    Words.a(kind) + " names pictures, not their pixels; a Segmenter is required");
        }
        return new ElasticSegmenter(model);
    }

    /** What the model's configuration says. */
    public ModelConfig config() {
        return model.config();
    }

    /** The open model, which this owns. */
    public ElasticClassifier model() {
        return model;
    }

    /** The model's own way to stop. */
    public StopPolicy policy() {
        return model.policy();
    }

    /** What runs the stages; the model's. */
    public ElasticEngine engine() {
        return model.engine();
    }

    /** By windows of the size that the model was trained on, pictures as large as they are. */
    public SegmentationOptions options() {
        return SegmentationOptions.windows(config().network().imageSize());
    }

    /** Segments one picture by windows, as the model was calibrated to stop. */
    public Segmentation segment(Picture picture) {
        Objects.requireNonNull(picture, "the picture is null");
        return segment(List.of(picture), options(), policy()).get(0);
    }

    /**
     * Segments pictures, the windows of all of them together.
     *
     * @return one a picture, in order, of its own size
     * @throws dev.thinkingvit.model.NoNumberException if a stage's output is no finite number
     * @throws IllegalArgumentException if the thresholds do not fit the number of stages, or a picture or a window is too
     *     large to be taken whole
     * @throws IllegalStateException if it is closed
     */
    public List<Segmentation> segment(List<Picture> pictures, SegmentationOptions options, StopPolicy policy) {
        Objects.requireNonNull(options, "the options are null");
        return windows.run(looks(pictures, options), options.window(), policy);
    }

    /** What every stage says of pictures; see {@link WindowEngine#record}. */
    public List<SegmentationRecord> record(List<Picture> pictures, SegmentationOptions options, Router router) {
        Objects.requireNonNull(options, "the options are null");
        return windows.record(looks(pictures, options), options.window(), router);
    }

    /**
     * Refuses windows that the network does not take, before a picture is enlarged for one.
     *
     * @throws IllegalArgumentException that says of which size they may be
     */
    public void requireTaken(ImageSize window) {
        if (!config().network().imageSize().equals(Objects.requireNonNull(window, "the window's size is null"))) {
            config().network().withImageSize(window);
        }
    }

    /**
     * Refuses a picture of which a view would be too large, for memory or for the network that is to take it whole.
     *
     * @throws UnfitPictureException that says how large
     */
    public void requireFit(SegmentationOptions options, ImageSize picture) {
        options.requireFit(picture);
        if (options.window() != null) {
            return;
        }
        for (double scale : options.scales()) {
            try {
                requireTaken(options.size(picture, scale));
            } catch (IllegalArgumentException e) {
                throw new UnfitPictureException(
                        "it has " + picture.width() + "x" + picture.height() + " pixels: " + e.getMessage());
            }
        }
    }

    private List<Looks> looks(List<Picture> pictures, SegmentationOptions options) {
        SlidingWindow window = options.window();
        if (window != null) {
            requireTaken(window.size());
        }
        List<Looks> looks = new ArrayList<>();
        for (Picture picture : Objects.requireNonNull(pictures, "the list of pictures is null")) {
            Objects.requireNonNull(picture, "a picture is null");
            looks.add(looks(picture, options, config().preprocessing()));
        }
        return looks;
    }

    /** A picture as a network that wants it normalised so looks at it. */
    public static Looks looks(Picture picture, SegmentationOptions options, Preprocessing preprocessing) {
        ImageSize size = new ImageSize(picture.height(), picture.width());
        options.requireFit(size);
        float[] levels = new float[size.values()]; // (h, w, 3)
        for (int i = 0; i < levels.length; i++) {
            levels[i] = picture.rgb()[i] & 0xff;
        }
        List<PictureView> views = new ArrayList<>();
        for (double scale : options.scales()) {
            ImageSize to = options.size(size, scale);
            float[] resized = to.equals(size) ? levels : Bilinear.resize(levels, size, to, 3);
            views.add(view(resized, to, false, preprocessing));
            if (options.flip()) {
                views.add(view(resized, to, true, preprocessing));
            }
        }
        return new Looks(views, size);
    }

    /** @param levels (h, w, 3), 0–255 */
    private static PictureView view(float[] levels, ImageSize size, boolean mirrored, Preprocessing preprocessing) {
        float[] mean = preprocessing.mean();
        float[] std = preprocessing.std();
        float[] values = new float[size.values()]; // (3, h, w)
        for (int y = 0; y < size.height(); y++) {
            for (int x = 0; x < size.width(); x++) {
                int from = 3 * (y * size.width() + (mirrored ? size.width() - 1 - x : x));
                for (int channel = 0; channel < 3; channel++) {
                    values[channel * size.pixels() + y * size.width() + x] =
                            (levels[from + channel] / LEVELS - mean[channel]) / std[channel];
                }
            }
        }
        return new PictureView(values, size, mirrored);
    }

    /** Frees the model's weights, behind the work under way; nothing happens when it is closed again. */
    @Override
    public void close() {
        model.close();
    }
}
