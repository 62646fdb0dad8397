package dev.thinkingvit.train;

import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;

/**
 * The teacher's part of a stage's loss.
 *
 * <p>Soft: T² · KL(teacher ‖ student) of the two distributions at temperature T, summed over the classes (Hinton et al.,
 * 2015; T² keeps the gradient's size). DeiT's code also divides by the number of classes, its paper does not; its α and T
 * mean a part that is smaller by that factor. Hard: cross entropy with the teacher's most probable class (Touvron et al.,
 * 2021, equation 3).
 *
 * <p>{@code B} images, {@code C} classes.
 */
final class Distillation {
    private Distillation() {}

    /**
     * @param logits of the student (B, C) F32
     * @param taught the teacher's, (B, C) F32, without gradient
     * @return nats, summed over the images; a scalar
     */
    static Tensor loss(DistillationRecipe how, Tensor logits, Tensor taught) {
        return losses(how, logits, taught, 1).sum();
    }

    /**
     * Of whatever answers are of: images, or their pixels.
     *
     * @param logits of the student, F32
     * @param taught the teacher's, of the same shape, without gradient
     * @param axis of the classes
     * @return nats; of the same shape without that axis
     */
    static Tensor losses(DistillationRecipe how, Tensor logits, Tensor taught, int axis) {
        return switch (how.distillationType()) {
            case SOFT -> soft(logits, taught, how.distillationTau(), axis);
            case HARD ->
                logits.log_softmax(axis)
                        .gather(axis, taught.argmax(new LongOptional(axis), true))
                        .squeeze(axis)
                        .neg();
            case NONE -> throw new IllegalArgumentException("nothing is distilled");
        };
    }

    private static Tensor soft(Tensor logits, Tensor taught, double tau, int axis) {
        Tensor ours = logits.div(new Scalar(tau)).log_softmax(axis);
        Tensor theirs = taught.div(new Scalar(tau)).log_softmax(axis);
        Tensor terms = theirs.exp().mul(theirs.sub(ours));
        return terms.sum(new long[] {axis}, false, new ScalarTypeOptional()).mul(new Scalar(tau * tau));
    }
}
