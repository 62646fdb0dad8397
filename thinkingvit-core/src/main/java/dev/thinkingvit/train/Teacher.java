package dev.thinkingvit.train;

import dev.thinkingvit.files.Words;
import dev.thinkingvit.model.Backbone;
import dev.thinkingvit.model.MaskReadout;
import dev.thinkingvit.model.NetworkBackbone;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.model.StageOutput;
import dev.thinkingvit.picture.Preprocessing;
import dev.thinkingvit.tensor.ComputeThread;
import dev.thinkingvit.tensor.NativeTensor;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import dev.thinkingvit.tensor.TorchDevice;
import dev.thinkingvit.tensor.TorchTensor;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * A trained model whose answers a training learns from. It is shown the very pictures that the student sees, augmented,
 * mixed and erased, at its own size and normalised its own way, and thinks to its last stage. A Segmenter sees crops as
 * large as they are.
 *
 * <p>{@code B} images, {@code C} classes of the student, {@code h} and {@code w} height and width of its input.
 *
 * <p>Threading: any number of threads may ask at the same time; each is answered on its own native threads, without
 * gradients. Owns the backbone; close it.
 */
public final class Teacher implements AutoCloseable {
    private final Backbone backbone;
    private final TorchDevice device;
    private final long together; // images
    private final @Nullable Tensor down; // (height there, height here) F32; null where the sizes are the same
    private final @Nullable Tensor across; // (width there, width here) F32
    private final @Nullable Tensor scale; // (3, 1, 1) F32; null where both normalise alike
    private final @Nullable Tensor shift; // (3, 1, 1) F32
    private final @Nullable Tensor classes; // C indices; null for all in order

    /**
     * @param backbone owned from now on; must {@linkplain Backbone#runsSideBySide run side by side}, or on a CUDA device
     * @param device where the backbone wants its images
     * @param own the teacher's preprocessing: size, normalisation and kernel
     * @param students the student's
     * @param classes which of the teacher's classes each of the student's is
     */
    Teacher(Backbone backbone, TorchDevice device, Preprocessing own, Preprocessing students, int[] classes) {
        this.backbone = backbone;
        this.device = device;
        int least = Integer.MAX_VALUE;
        for (int stage = 1; stage <= backbone.stages(); stage++) {
            least = Math.min(least, backbone.microBatch(stage));
        }
        this.together = least;
        boolean sameSize = own.size().equals(students.size());
        this.down = sameSize
                ? null
                : matrix(own, students.size().height(), own.size().height());
        this.across = sameSize
                ? null
                : matrix(own, students.size().width(), own.size().width());
        float[] factors = new float[3];
        float[] terms = new float[3];
        boolean same = true;
        for (int c = 0; c < 3; c++) {
            factors[c] = students.std()[c] / own.std()[c];
            terms[c] = (students.mean()[c] - own.mean()[c]) / own.std()[c];
            same &= factors[c] == 1 && terms[c] == 0;
        }
        this.scale = same ? null : floats(factors, 3, 1, 1);
        this.shift = same ? null : floats(terms, 3, 1, 1);
        boolean all = classes.length == backbone.numClasses()
                && IntStream.range(0, classes.length).allMatch(c -> classes[c] == c);
        this.classes = all
                ? null
                : constant(
                        () -> Tensors.longs(IntStream.of(classes).asLongStream().toArray()));
    }

    private Tensor matrix(Preprocessing own, int from, int to) {
        return floats(own.interpolation().matrix(from, to), to, from);
    }

    private Tensor floats(float[] values, long... shape) {
        return constant(() -> Tensors.floats(values, 0, shape));
    }

    private Tensor constant(Supplier<Tensor> values) {
        return ComputeThread.callToTheEnd(() -> {
            try (Scope scope = new Scope()) {
                return Scope.own(device.place(values.get()));
            }
        });
    }

    /** What computes it. */
    public Backbone backbone() {
        return backbone;
    }

    /**
     * An answer, on the images' device, without gradient.
     *
     * @param logits (B, C) F32; of a Segmenter (B, C, h, w)
     * @param tokens patches after the last stage, (B, n, d) F32; null where they were not asked for
     */
    record Answer(Tensor logits, @Nullable Tensor tokens) {}

    /**
     * Refuses to teach tokens that are not there.
     *
     * @param student with all of its tokens
     * @throws TrainingException if the teacher leaves others
     */
    void requireTokens(NetworkConfig student) {
        int patches = patches(student);
        int width = student.stageWidth(student.stages());
        if (backbone instanceof NetworkBackbone known) {
            NetworkConfig config = known.config();
            int stages = config.stages();
            if (patches(config) != patches || config.stageWidth(stages) != width) {
                throw new TrainingException("token_distillation learns from the teacher's tokens: " + patches
                        + " patches of width " + width + " are required, the teacher leaves "
                        + patches(config) + " of width " + config.stageWidth(stages)
                        + "; token_distillation 0 learns from its classes alone");
            }
        }
    }

    /** That the last stage leaves. */
    private static int patches(NetworkConfig config) {
        return config.stageTokens(config.stages()) - config.architecture().prefixTokens();
    }

    /** See {@link #answer(Tensor, boolean)}. */
    Tensor logits(Tensor images) {
        return answer(images, false).logits();
    }

    /**
     * What the teacher says of the student's images, after its last stage.
     *
     * @param images (B, 3, h, w) F32, normalised for the student
     * @param withTokens whether its tokens are asked for
     * @return of the calling thread's innermost scope
     * @throws TrainingException if an answer is no finite number
     */
    Answer answer(Tensor images, boolean withTokens) {
        try (Scope scope = new Scope();
                NoGradGuard guard = new NoGradGuard()) {
            List<Tensor> answers = new ArrayList<>();
            List<Tensor> tokens = new ArrayList<>();
            long count = images.size(0);
            for (long from = 0; from < count; from += together) {
                Answer said = part(images.narrow(0, from, Math.min(together, count - from)), withTokens);
                answers.add(said.logits());
                if (said.tokens() != null) {
                    tokens.add(said.tokens());
                }
            }
            Tensor all = joined(answers); // (B, classes of the teacher), or (B, classes of the teacher, h, w)
            Tensor known = classes == null ? all : all.index_select(1, classes); // (B, C)
            if (!known.isfinite().all().item_bool()) {
                throw new TrainingException("the teacher's answer to a picture is no finite number; its weights are"
                        + " damaged, or it is of a precision that is too low for them: fp32 may help");
            }
            TorchDevice here = TorchDevice.of(images);
            return new Answer(
                    scope.keep(here.place(known)), withTokens ? scope.keep(here.place(joined(tokens))) : null);
        }
    }

    private static Tensor joined(List<Tensor> parts) {
        return parts.size() == 1 ? parts.get(0) : torch.cat(new TensorVector(parts.toArray(Tensor[]::new)), 0);
    }

    /** Of a few images; the classes are the teacher's own. Copies, since arrays are gone with the scope that they came in. */
    private Answer part(Tensor images, boolean withTokens) {
        try (Scope scope = new Scope()) {
            Tensor seen = seen(device.place(images));
            StageOutput output = null;
            for (int stage = 1; stage <= backbone.stages(); stage++) {
                TorchTensor shown = new TorchTensor(seen);
                NativeTensor before = output == null ? null : output.tokens();
                output = withTokens ? backbone.run(stage, shown, before) : backbone.predict(stage, shown, before);
            }
            if (output == null) {
                throw new IllegalStateException("a teacher without stages");
            }
            Tensor prediction = Tensors.shared(output.prediction()).to(ScalarType.Float);
            MaskReadout pixels = pixels();
            Tensor logits = scope.keep(
                    pixels == null
                            ? prediction.clone()
                            : PixelTargets.pixels(prediction, pixels).contiguous());
            return new Answer(logits, withTokens ? scope.keep(patches(Tensors.shared(output.tokens()))) : null);
        }
    }

    /** How its answers are read if they are of pixels; null for a teacher that names images. */
    private @Nullable MaskReadout pixels() {
        return backbone instanceof NetworkBackbone known && known.config().readout() instanceof MaskReadout readout
                ? readout
                : null;
    }

    /**
     * Refuses to teach a student of another kind.
     *
     * @throws TrainingException if one of them names images and the other one pixels
     */
    void requireSameKind(NetworkConfig student) {
        boolean ofPixels = pixels() != null;
        if (student.readout().isOfPixels() != ofPixels) {
            throw new TrainingException(Words.a(student.title()) + " learns "
                    + (ofPixels
                            ? "classes of images, of which a teacher that is a Segmenter knows nothing"
                            : "classes of pixels: its teacher must be a Segmenter, and no exported one"));
        }
    }

    /** Without class tokens, F32, copied. */
    private Tensor patches(Tensor tokens) {
        int prefix = backbone instanceof NetworkBackbone known
                ? known.config().architecture().prefixTokens()
                : 0;
        return tokens.narrow(1, prefix, tokens.size(1) - prefix)
                .to(ScalarType.Float)
                .clone();
    }

    /** The images as the teacher wants them. Kernels may overshoot the levels, which is left so. */
    Tensor seen(Tensor images) {
        Tensor levels =
                scale == null || shift == null ? images : images.mul(scale).add(shift);
        if (down == null || across == null) {
            return levels;
        }
        Tensor wide = torch.matmul(levels, across.t()); // (B, 3, height here, width there)
        return torch.matmul(down, wide); // (B, 3, height there, width there)
    }

    @Override
    public void close() {
        ComputeThread.free(() -> {
            backbone.close();
            for (Tensor constant : new Tensor[] {down, across, scale, shift, classes}) {
                if (constant != null) {
                    constant.close();
                }
            }
        });
    }
}
