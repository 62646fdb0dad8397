package dev.thinkingvit.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Held to PyTorch 2.15: {@code kl_div(reduction="sum", log_target=True)} and {@code cross_entropy}, in double. */
@NullUnmarked // a null fails the test
class DistillationTest {
    private static final float[] STUDENT = {0.5f, -1.25f, 2, 0.75f, -0.3f, 1.1f, 0.4f, -2.2f, 3, 0.1f, -0.7f, 1.9f};
    private static final float[] TEACHER = {1.5f, 0.25f, -0.5f, 2, 0.2f, 0.9f, -1.4f, 0.6f, 4, -2, 0.3f, 1};

    /** The last column is the gradient of the first image's logits. */
    @ParameterizedTest
    @CsvSource({
        "soft, 1, 1.7765950103771817, -0.1815705 -0.0682657 0.6017490 -0.3519129",
        "soft, 2, 2.5960928178340645, -0.1989768 -0.1572435 0.6763684 -0.3201481",
        "soft, 4, 3.1077608570095276, -0.1919546 -0.2229958 0.6983956 -0.2834452",
        "hard, 1, 2.6093227837410264, 0.1441028 0.0250413 0.6458241 -0.8149683",
        "hard, 4, 2.6093227837410264, 0.1441028 0.0250413 0.6458241 -0.8149683"
    })
    void lossAndGradientAreTorchs(String type, double tau, double expected, String gradient) {
        DistillationRecipe how = new DistillationRecipe(
                type.equals("soft") ? DistillationRecipe.Type.SOFT : DistillationRecipe.Type.HARD, 0.5, tau);
        try (Scope scope = new Scope()) {
            Tensor logits = Tensors.floats(STUDENT, 0, 3, 4).set_requires_grad(true);
            Tensor loss = Distillation.loss(how, logits, Tensors.floats(TEACHER, 0, 3, 4));
            assertThat(loss.item().toDouble()).isCloseTo(expected, within(1e-5));
            loss.backward();
            float[] came = Tensors.toFloats(logits.grad());
            String[] wanted = gradient.split(" ", -1);
            for (int c = 0; c < wanted.length; c++) {
                assertThat(came[c]).isCloseTo(Float.parseFloat(wanted[c]), within(1e-5f));
            }
        }
    }
}
