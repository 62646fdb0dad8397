package dev.thinkingvit.train;

import dev.thinkingvit.model.MaskReadout;
import dev.thinkingvit.network.Network;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.picture.PixelLabels;
import dev.thinkingvit.tensor.Tensors;
import dev.thinkingvit.tensor.TorchDevice;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * What a training of a Segmenter descends on: the cross entropy of each pixel's class at the crop's size, in nats. Pixels
 * that nobody labelled leave the mean, which is over all others of a batch, not over each image's, in however many shares it is computed. Where classes weigh
 * differently it is weighted by the pixels' classes, as PyTorch's {@code cross_entropy} does. A teacher, another Segmenter,
 * may say of each labelled pixel what else it might be.
 *
 * <p>{@code B} crops, {@code h} and {@code w} height and width of a crop, {@code C} classes, {@code P} patches.
 */
public final class PixelTargets implements Objective {
    /** The label of a pixel that nobody labelled. */
    public static final int IGNORED = PixelLabels.IGNORED;

    private static final int NO_REDUCTION = 0;

    private final MaskReadout readout;
    private final ImageSize size;
    private final DistillationRecipe distillation;
    private final float[] weights; // of each label

    /**
     * Where all classes weigh the same and nobody teaches.
     *
     * @param readout how the network's predictions are read
     */
    public PixelTargets(MaskReadout readout) {
        this(readout, Recipe.DEFAULT);
    }

    /**
     * @param readout how the network's predictions are read
     * @param recipe says what classes weigh, and how a teacher is listened to
     */
    public PixelTargets(MaskReadout readout, Recipe recipe) {
        this.readout = readout;
        this.size = readout.size();
        this.distillation = recipe.distillation();
        this.weights = new float[IGNORED + 1];
        double[] classes = recipe.loss().pixelWeights(readout.classes());
        for (int label = 0; label < classes.length; label++) {
            weights[label] = (float) classes[label];
        }
    }

    /**
     * Targets as a {@link Trainer.Part} has them where all classes weigh the same; see {@link #of(int[], int, double[])}.
     *
     * @param classes C
     */
    public static float[] of(int[] labels, int count, int classes) {
        double[] equal = new double[classes];
        Arrays.fill(equal, 1);
        return of(labels, count, equal);
    }

    /**
     * Targets as a {@link Trainer.Part} has them: behind an image's labels, what a pixel of it weighs, whose class weighs 1.
     *
     * @param labels (B, h, w): classes from 0, or {@link #IGNORED}
     * @param count B
     * @param weights (C), what a pixel of each class weighs
     * @return (B, h·w + 1); all weigh nothing in a batch without labels
     * @throws IllegalArgumentException if a label is neither: names it and its place
     */
    public static float[] of(int[] labels, int count, double[] weights) {
        int classes = weights.length;
        int pixels = labels.length / count;
        double labelled = 0;
        for (int i = 0; i < labels.length; i++) {
            if (labels[i] != IGNORED && (labels[i] < 0 || labels[i] >= classes)) {
                throw new IllegalArgumentException("image " + (i / pixels + 1) + " of the batch: pixel " + i % pixels
                        + " has label " + labels[i] + ", 0 to " + (classes - 1) + " or " + IGNORED
                        + " for none are required");
            }
            labelled += labels[i] == IGNORED ? 0 : weights[labels[i]];
        }
        float weight = labelled == 0 ? 0 : (float) (count / labelled);
        float[] targets = new float[count * (pixels + 1)];
        for (int image = 0; image < count; image++) {
            for (int i = 0; i < pixels; i++) {
                targets[image * (pixels + 1) + i] = labels[image * pixels + i];
            }
            targets[image * (pixels + 1) + pixels] = weight;
        }
        return targets;
    }

    /**
     * Lets the pixels of an update weigh as those of one batch do, in whatever shares they are computed: a mean of the
     * shares' means would depend on where the labelled ones are. All processes take part.
     *
     * @param parts this process's, with targets of {@link #of(int[], int, double[])}, whose last values are replaced
     * @param weights (C), what a pixel of each class weighs
     */
    static void weighTogether(List<Trainer.Part> parts, double[] weights, Peers peers) {
        if (peers.size() == 1 && parts.size() < 2) {
            return; // so they do
        }
        double images = 0;
        double labelled = 0;
        for (Trainer.Part part : parts) {
            int own = part.samples().length;
            images += own;
            int values = part.targets().length / own;
            for (int i = 0; i < part.targets().length; i++) {
                int label = (int) part.targets()[i];
                if (i % values < values - 1 && label != IGNORED) {
                    labelled += weights[label];
                }
            }
        }
        byte[] mine = ByteBuffer.allocate(2 * Double.BYTES)
                .putDouble(images)
                .putDouble(labelled)
                .array();
        images = 0;
        labelled = 0;
        for (byte[] theirs : peers.gather(mine)) {
            ByteBuffer numbers = ByteBuffer.wrap(theirs);
            images += numbers.getDouble();
            labelled += numbers.getDouble();
        }
        float weight = labelled == 0 ? 0 : (float) (images / labelled);
        for (Trainer.Part part : parts) {
            int values = part.targets().length / part.samples().length;
            for (int last = values - 1; last < part.targets().length; last += values) {
                part.targets()[last] = weight;
            }
        }
    }

    /** The teacher's answer is of pixels: (B, C, h, w). */
    @Override
    public Loss of(Network.Output<Tensor> output, Wanted wanted) {
        int pixels = size.pixels();
        Tensor labels = wanted.targets()
                .narrow(1, 0, pixels)
                .reshape(wanted.targets().size(0), size.height(), size.width())
                .to(ScalarType.Long); // (B, h, w)
        Tensor weighed = weights(labels, wanted.targets().select(1, pixels)); // (B, h, w)
        Tensor logits = pixels(output.prediction(), readout); // (B, C, h, w)
        Tensor losses = torch.nll_loss2d(logits.log_softmax(1), labels, new TensorOptional(), NO_REDUCTION, IGNORED);
        Tensor labelled = losses.mul(weighed).sum();
        if (wanted.taught() == null) {
            return new Loss(labelled, null);
        }
        double alpha = distillation.distillationAlpha();
        Tensor taught = Distillation.losses(distillation, logits, wanted.taught(), 1)
                .mul(weighed)
                .sum();
        return new Loss(labelled.mul(new Scalar(1 - alpha)).add(taught.mul(new Scalar(alpha))), taught);
    }

    /** What each pixel weighs, (B, h, w). */
    private Tensor weights(Tensor labels, Tensor ofImages) {
        Tensor table = TorchDevice.of(labels).place(Tensors.floats(weights, 0, weights.length));
        return table.index_select(0, labels.flatten())
                .reshape(labels.size(0), labels.size(1), labels.size(2))
                .mul(ofImages.reshape(-1, 1, 1));
    }

    /**
     * The logits of a crop's pixels.
     *
     * @param patches (B, P, C)
     * @return (B, C, h, w)
     */
    static Tensor pixels(Tensor patches, MaskReadout readout) {
        ImageSize grid = readout.grid();
        ImageSize filled = readout.filledSize();
        ImageSize size = readout.size();
        long images = patches.size(0);
        long classes = patches.size(2);
        Tensor places = patches.transpose(1, 2).reshape(images, classes, grid.height(), grid.width());
        long[] to = {filled.height(), filled.width()};
        return torch.upsample_bilinear2d(places, to, false, new DoubleOptional(), new DoubleOptional())
                .narrow(2, 0, size.height())
                .narrow(3, 0, size.width());
    }
}
