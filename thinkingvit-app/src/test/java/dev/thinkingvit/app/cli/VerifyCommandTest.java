package dev.thinkingvit.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.tensor.HostTensor;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

@NullUnmarked // a null fails the test
class VerifyCommandTest {
    private static final Path MODEL = CommandRun.REFERENCE.resolve("vit-3h-6h");

    @TempDir
    Path directory;

    @ParameterizedTest
    @CsvSource({"vit-3h-6h, 14", "vit-2h-3h-6h, 18"})
    void theReferenceModelsAgree(String model, int tensors) {
        CommandRun run = CommandRun.of("verify", CommandRun.REFERENCE.resolve(model));

        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.out().lines()).hasSize(tensors + 1).noneMatch(line -> line.contains("OUT"));
        assertThat(run.out().lines()).last().asString().startsWith("all " + tensors + " tensors agree");
    }

    @Test
    void aCheckpointFileIsVerifiedByTheRecordingBesideIt() {
        Path file = CommandRun.REFERENCE.resolve("vit-wide/checkpoint.pth.tar");

        CommandRun average = CommandRun.of("verify", file);
        assertThat(average.code()).as(average.out() + average.err()).isZero();
        assertThat(average.out())
                .contains("all 12 tensors agree")
                .containsPattern("raw.stage1.logits +- +ok +not compared");

        CommandRun own = CommandRun.of("verify", file, "--weights", "model");
        assertThat(own.code()).as(own.out()).isZero();
        assertThat(own.out()).contains("all 2 tensors agree");
    }

    @Test
    void aTamperedRecordingIsOut() {
        CommandRun run = CommandRun.of("verify", MODEL, "--expected", tampered());

        assertThat(run.code()).isEqualTo(1);
        assertThat(run.err()).isEmpty();
        assertThat(run.out().lines().filter(line -> line.contains("OUT")))
                .hasSize(3)
                .anyMatch(line -> line.matches("stage1.logits +(9.9|1.0).e-0[34] +OUT"))
                .anyMatch(line -> line.matches("extra +- +OUT +not checked: unknown kind of tensor"))
                .anyMatch(line -> line.startsWith("2 of 15 OUT"));
    }

    @Test
    void programsReadJson() {
        CommandRun run = CommandRun.of("verify", MODEL, "--expected", tampered(), "--json");

        assertThat(run.code()).isEqualTo(1);
        JsonNode verdict = JsonMapper.shared().readTree(run.out());
        assertThat(verdict.get("ok").asBoolean()).isFalse();
        assertThat(verdict.get("tensors").size()).isEqualTo(15);
        for (JsonNode tensor : verdict.get("tensors")) {
            boolean changed = tensor.get("name").asString().matches("stage1.logits|extra");
            assertThat(tensor.get("ok").asBoolean()).isEqualTo(!changed);
        }
    }

    @ParameterizedTest
    @CsvSource({"vit-3h-6h, 9, 47", "vit-2h-3h-6h, 12, 50"})
    void theTrainerAgreesWithTheRecordedTrainings(String model, int losses, int parameters) {
        CommandRun run = CommandRun.of("verify", "--training", CommandRun.REFERENCE.resolve(model));

        assertThat(run.code()).as(run.out() + run.err()).isZero();
        assertThat(run.out().lines()).hasSize(losses + 4 * parameters + 1).noneMatch(line -> line.contains("OUT"));
        assertThat(run.out().lines())
                .anyMatch(line -> line.matches("losses\\[3].total +\\S+ +ok"))
                .anyMatch(line -> line.matches("grad.head.weight +\\S+ +ok"))
                .anyMatch(line -> line.matches("ema3_published.head.weight +\\S+ +ok"))
                .anyMatch(line -> line.matches("after3.blocks.0.attn.qkv.bias +\\S+ +ok"
                        + " +48 of 144 values left out: their gradient is rounding noise"));
        assertThat(run.out().lines()).last().asString().startsWith("all " + (losses + 4 * parameters) + " losses");
    }

    @Test
    void aTamperedTrainingIsOutInJsonToo() {
        Safetensors.Contents contents = Safetensors.read(MODEL.resolve("training.safetensors"));
        Map<String, HostTensor> tensors = new LinkedHashMap<>(contents.tensors());
        float[] bias = tensors.get("ema3.norm.bias").toFloats();
        bias[7] += 1e-3f;
        tensors.put("ema3.norm.bias", HostTensor.of(bias, bias.length));
        Path file = directory.resolve("training.safetensors");
        Safetensors.write(file, tensors, contents.metadata());

        CommandRun run = CommandRun.of("verify", "--training", MODEL, "--expected", file, "--json");

        assertThat(run.code()).isEqualTo(1);
        JsonNode verdict = JsonMapper.shared().readTree(run.out());
        assertThat(verdict.get("ok").asBoolean()).isFalse();
        for (JsonNode tensor : verdict.get("tensors")) {
            boolean changed = tensor.get("name").asString().equals("ema3.norm.bias");
            assertThat(tensor.get("ok").asBoolean()).isEqualTo(!changed);
        }
    }

    @Test
    void eitherAModelOrATrainingIsVerified() {
        assertThat(CommandRun.of("verify").code()).isEqualTo(2);
        assertThat(CommandRun.of("verify", MODEL, "--training", MODEL).code()).isEqualTo(2);
    }

    @Test
    void whatCannotBeReadIsOneLine() {
        assertOneLine(CommandRun.of("verify", directory.resolve("none.pth")), "no such file or folder");
        assertOneLine(CommandRun.of("verify", "--training", directory), "config.json: is missing");
        assertOneLine(
                CommandRun.of("verify", MODEL, "--expected", directory.resolve("none")), "no such file or folder");
    }

    @Test
    void aToleranceThatIsNoneIsAWrongCommandLine() {
        assertThat(CommandRun.of("verify", MODEL, "--tolerance", "0").code()).isEqualTo(2);
        assertThat(CommandRun.of("verify", MODEL, "--tolerance", "NaN").code()).isEqualTo(2);
    }

    private Path tampered() {
        Safetensors.Contents contents = Safetensors.read(MODEL.resolve("expected.safetensors"));
        Map<String, HostTensor> tensors = new LinkedHashMap<>(contents.tensors());
        float[] logits = tensors.get("stage1.logits").toFloats();
        logits[5] += 1e-3f;
        tensors.put("stage1.logits", HostTensor.of(logits, 8, 20));
        tensors.put("extra", HostTensor.of(new float[1], 1));
        Path file = directory.resolve("tampered.safetensors");
        Safetensors.write(file, tensors, contents.metadata());
        return file;
    }

    private static void assertOneLine(CommandRun run, String reason) {
        assertThat(run.code()).isEqualTo(1);
        assertThat(run.out()).isEmpty();
        assertThat(run.err().lines()).singleElement().asString().contains(reason);
    }
}
