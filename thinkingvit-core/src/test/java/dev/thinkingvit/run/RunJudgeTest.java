package dev.thinkingvit.run;

import static org.assertj.core.api.Assertions.assertThat;

import dev.thinkingvit.data.ImageFolder;
import dev.thinkingvit.data.Sample;
import dev.thinkingvit.eval.MadeUp;
import dev.thinkingvit.eval.NoPicturesException;
import dev.thinkingvit.eval.Recording;
import dev.thinkingvit.eval.Score;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.TorchDevice;
import dev.thinkingvit.train.Judgement;
import dev.thinkingvit.train.Recipe;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.Assertions;
import org.assertj.core.data.Offset;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@NullUnmarked // a null fails the test
class RunJudgeTest {
    private static final Map<String, HostTensor> WEIGHTS =
            MadeUp.NETWORK.parameters().draw(1);

    @TempDir
    private Path folder;

    private final List<Sample> read = new ArrayList<>();
    private final List<String> failures = new ArrayList<>();
    private RunPictures pictures;

    /** The last two of four pictures of each of six classes are kept back. */
    @BeforeEach
    void draw() throws IOException {
        MadeUp.pictures(folder, 4);
        pictures = RunPictures.begin(ImageFolder.open(folder), null, samples -> samples.stream()
                .filter(sample -> sample.path().getFileName().toString().compareTo("001.png") > 0)
                .toList());
    }

    private RunJudge judge(Score score) {
        Recipe recipe = Recipe.DEFAULT.with("precision", "fp32");
        return new RunJudge(
                recipe, ModelConfig.of(MadeUp.NETWORK), pictures, TorchDevice.CPU, null, score, (failed, others) -> {
                    failed.forEach(failure -> failures.add(failure.message()));
                    read.addAll(others);
                });
    }

    @Test
    void theFieldsScoreCountsRightClassesAndTheirCrossEntropy() throws IOException {
        RunJudge judge = judge(Score.ofClasses(null));

        Judgement judged = judge.judge(WEIGHTS, () -> false);

        Recording recording = judge.record(WEIGHTS, () -> false);
        for (int k = 0; k < 3; k++) {
            int stage = k + 1;
            assertThat(judged.accuracies().get(k))
                    .isEqualTo(recording.images().stream()
                                    .filter(image -> image.stage(stage).inTop1())
                                    .count()
                            / 12.0);
            assertThat(judged.losses().get(k))
                    .isCloseTo(
                            recording.images().stream()
                                    .mapToDouble(image -> image.stage(stage).loss())
                                    .average()
                                    .orElseThrow(),
                            Offset.offset(1e-12));
        }
        assertThat(judged.pictures()).isEqualTo(12);
        assertThat(read).hasSize(12);
    }

    /** The loss counts how far the most probable class is from the right one, and the score falls with it. */
    @Test
    void aTrainingIsJudgedByTheScoreThatItIsGiven() throws IOException {
        Score distance = (stage, wanted) -> {
            int off = Math.abs(stage.label() - wanted.sample().label());
            return new Score.Fared(stage.label(), 1, 1.0 / (1 + off), off <= 1, off <= 2, stage.entropyNats(), off);
        };

        Judgement judged = judge(distance).judge(WEIGHTS, () -> false);

        List<Integer> off = judge(Score.ofClasses(null)).record(WEIGHTS, () -> false).images().stream()
                .map(image ->
                        Math.abs(image.stage(3).predicted() - image.labels().get(0)))
                .toList();
        assertThat(judged.losses().get(2))
                .isCloseTo(off.stream().mapToInt(each -> each).average().orElseThrow(), Offset.offset(1e-12));
        assertThat(judged.accuracies().get(2))
                .isCloseTo(
                        off.stream()
                                .mapToDouble(each -> 1.0 / (1 + each))
                                .average()
                                .orElseThrow(),
                        Offset.offset(1e-12));
    }

    @Test
    void whatCannotBeReadIsToldAndNotCounted() throws IOException {
        for (int i = 0; i < 2; i++) {
            Files.writeString(folder.resolve("class1/00" + (2 + i) + ".png"), "no picture");
        }

        Judgement judged = judge(Score.ofClasses(null)).judge(WEIGHTS, () -> false);

        assertThat(judged.pictures()).isEqualTo(10);
        assertThat(judged.unreadable()).isEqualTo(2);
        assertThat(failures).hasSize(2);
        assertThat(read).hasSize(10);
    }

    @Test
    void whoIsToldToStopJudgesNothing() throws IOException {
        assertThat(judge(Score.ofClasses(null)).judge(WEIGHTS, () -> true)).isNull();
    }

    @Test
    void weightsAreProvenOnPicturesThatAreTrainedOn() throws IOException {
        judge(Score.ofClasses(null)).prove(WEIGHTS);
        for (Sample sample : pictures.training()) {
            Files.writeString(sample.path(), "no picture");
        }
        Assertions.assertThatThrownBy(() -> judge(Score.ofClasses(null)).prove(WEIGHTS))
                .isInstanceOf(NoPicturesException.class);
    }
}
