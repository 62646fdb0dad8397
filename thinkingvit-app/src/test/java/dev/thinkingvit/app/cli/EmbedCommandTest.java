package dev.thinkingvit.app.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.tensor.HostTensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The shipped model, 96 and then 192 wide, on shipped pictures: the airplane ends after stage 1, the cat after stage 2. */
@NullUnmarked // JUnit sets the folder
class EmbedCommandTest {
    private static final Path SAMPLES = Path.of("../samples");
    private static final Path MODEL = Path.of("../models/cifar10-3h-6h");
    private static final JsonMapper JSON = JsonMapper.builder().build();

    @TempDir
    private Path directory;

    private Path airplane;
    private Path cat;

    @BeforeEach
    void pictures() throws IOException {
        Path pictures = Files.createDirectory(directory.resolve("pictures"));
        airplane = Files.copy(SAMPLES.resolve("airplane-0123.jpg"), pictures.resolve("airplane.jpg"));
        cat = Files.copy(SAMPLES.resolve("cat-0777.jpg"), pictures.resolve("cat.jpg"));
    }

    @Test
    void linesOfJsonGoToStandardOutputEachAsWideAsItsStage() {
        List<JsonNode> lines = lines(embedded(airplane, cat).out());
        assertThat(lines).extracting(line -> line.path("label").asString()).containsExactly("airplane", "cat");
        assertThat(lines).extracting(line -> line.path("stage").asInt()).containsExactly(1, 2);
        assertThat(lines).extracting(line -> line.path("embedding").size()).containsExactly(96, 192);
        assertThat(lines).extracting(line -> line.path("entropies").size()).containsExactly(1, 2);
    }

    /** Stage 1 leaves 64 patches, stage 2 has left out all but 21. */
    @Test
    void allTokensOfANetworkThatLeavesSomeOutAreEmbedded() {
        Path model = CommandRun.REFERENCE.resolve("dynamicvit");
        Path out = directory.resolve("all.safetensors");
        CommandRun last = CommandRun.of("embed", "--model", model, "--stage", 2, "--pool", "none", "--out", out, cat);
        assertThat(last.code()).as(last.err()).isZero();
        assertThat(Safetensors.read(out).tensors().get("embeddings").shape()).containsExactly(1, 22, 48);

        CommandRun any = CommandRun.of("embed", "--model", model, "-t", 0, "--pool", "none", "--out", out, cat);
        assertThat(any.err()).contains("note: those after stage 2 have 22 tokens and zeros up to 65");
        HostTensor embeddings = Safetensors.read(out).tensors().get("embeddings");
        assertThat(embeddings.shape()).containsExactly(1, 65, 48);
        float[] values = embeddings.toFloats();
        assertThat(Arrays.copyOfRange(values, 0, 22 * 48)).doesNotContain(0);
        assertThat(Arrays.copyOfRange(values, 22 * 48, values.length)).containsOnly(0);
    }

    @Test
    void aMatrixHasOneWidthAndTheWidthsAreTold() {
        Path out = directory.resolve("all.safetensors");
        CommandRun run = embedded("--out", out, directory.resolve("pictures"));
        assertThat(run.out()).isEqualTo("wrote 2 embeddings of 192 values to " + out + "; after stage 1: 1, 2: 1\n");
        assertThat(run.err())
                .isEqualTo("note: those after stage 1 have 96 values and zeros up to 192; --stage takes all after one"
                        + " stage\n");
        Map<String, HostTensor> tensors = Safetensors.read(out).tensors();
        assertThat(tensors.get("embeddings").shape()).containsExactly(2, 192);
        assertThat(Arrays.copyOfRange(tensors.get("embeddings").toFloats(), 96, 192))
                .containsOnly(0);
        assertThat(tensors.get("stages").toFloats()).containsExactly(1, 2);
        assertThat(Safetensors.read(out).metadata())
                .containsEntry("files", "[\"" + airplane + "\",\"" + cat + "\"]")
                .containsEntry("precision", "fp32")
                .containsEntry("pool", "token")
                .containsEntry("stage", "decided")
                .containsEntry("normalized", "false");
    }

    @Test
    void oneStageServesAllAndLengthsAreOne() {
        Path out = directory.resolve("all.safetensors");
        CommandRun run = embedded("--stage", 1, "--normalize", "--pool", "avg", "--out", out, airplane, cat);
        assertThat(run.err()).isEmpty();
        HostTensor embeddings = Safetensors.read(out).tensors().get("embeddings");
        assertThat(embeddings.shape()).containsExactly(2, 96);
        double squares = 0;
        for (float value : embeddings.toFloats()) {
            squares += value * value;
        }
        assertThat(squares).isCloseTo(2, within(1e-5));
    }

    @Test
    void anExportGivesWhatItsModelGives() {
        Path exported = directory.resolve("exported");
        assertThat(CommandRun.of("export", "--model", MODEL, "--out", exported).code())
                .isZero();
        List<JsonNode> ours = lines(embedded(airplane, cat).out());
        List<JsonNode> theirs = lines(run(exported, airplane, cat).out());
        for (int i = 0; i < 2; i++) {
            assertThat(values(theirs.get(i))).containsExactly(values(ours.get(i)), within(1e-4f));
        }
    }

    @Test
    void brokenPicturesAreNamedAndPassedOver() throws IOException {
        Path broken = Files.writeString(directory.resolve("pictures/broken.jpg"), "bad");
        Path out = directory.resolve("all.npy");
        CommandRun found = run(MODEL, "--out", out, directory.resolve("pictures"));
        assertThat(found.code()).as("found in a folder").isZero();
        assertThat(found.err()).startsWith("thinkingvit: skipped " + broken + ": ");
        assertThat(found.out()).endsWith("; 1 skipped: not readable\n");
        assertThat(Files.readAllLines(directory.resolve("all.npy.csv"))).hasSize(3);
        assertThat(run(MODEL, airplane, broken).code()).as("asked for by name").isEqualTo(Main.FAILED);
    }

    @Test
    void aBrokenPictureOfATarIsPassedOverToo() throws IOException {
        Path tar = directory.resolve("photos.tar");
        try (TarArchiveOutputStream out = new TarArchiveOutputStream(Files.newOutputStream(tar))) {
            for (String name : List.of("a.jpg", "broken.jpg", "z.jpg")) {
                byte[] content = name.startsWith("b") ? new byte[] {1} : Files.readAllBytes(cat);
                TarArchiveEntry entry = new TarArchiveEntry(name);
                entry.setSize(content.length);
                out.putArchiveEntry(entry);
                out.write(content);
                out.closeArchiveEntry();
            }
        }
        for (String command : List.of("embed", "classify")) {
            CommandRun run = CommandRun.of(command, "--model", MODEL, tar);
            assertThat(run.code()).as(run.err()).isZero();
            assertThat(run.out()).contains("photos.tar!/a.jpg", "photos.tar!/z.jpg"); // a table cuts long paths
            assertThat(run.err()).contains("skipped " + tar + "!/broken.jpg: ");
        }
    }

    @Test
    void whereNothingCanBeReadWhatWasThereStays() throws IOException {
        Path broken = Files.writeString(directory.resolve("broken.jpg"), "bad");
        Path other = Files.writeString(directory.resolve("other.jpg"), "bad");
        Path out = Files.writeString(directory.resolve("all.npy"), "precious");
        CommandRun alone = run(MODEL, "--out", out, broken);
        assertThat(alone.code()).isEqualTo(Main.FAILED);
        assertThat(alone.err()).startsWith("thinkingvit: " + broken + ": ").hasLineCount(1);
        CommandRun both = run(MODEL, "--out", out, broken, other);
        assertThat(both.code()).isEqualTo(Main.FAILED);
        assertThat(both.err()).endsWith("thinkingvit: none of 2 pictures can be read; nothing was written\n");
        assertThat(out).hasContent("precious");
        try (Stream<Path> files = Files.list(directory)) {
            assertThat(files).containsExactlyInAnyOrder(broken, other, out, directory.resolve("pictures"));
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--format npy|--format npy needs --out FILE",
                "--out x.txt|x.txt: its ending names none of the formats npy, safetensors, csv, jsonl",
                "--pool none --format csv|--pool none gives many vectors a picture, csv has one",
                "--stage 1 --budget 0.1|--stage and --budget exclude each other",
                "--stage 3|--stage: stage 3 does not exist: the model has stages 1 to 2",
                "--threshold 1 --budget 0.1|--threshold and --budget exclude each other"
            })
    void aCommandLineThatCannotBeMeantIsRefused(String options, String line) {
        List<Object> arguments = new ArrayList<>(List.of(options.split(" ", -1)));
        arguments.add(airplane);
        CommandRun run = run(MODEL, arguments.toArray());
        assertThat(run.code()).isEqualTo(Main.USAGE);
        assertThat(run.err()).startsWith("thinkingvit: " + line);
        assertThat(run.out()).isEmpty();
    }

    private static CommandRun embedded(Object... arguments) {
        CommandRun run = run(MODEL, arguments);
        assertThat(run.code()).as(run.err()).isZero();
        return run;
    }

    private static CommandRun run(Path model, Object... arguments) {
        return CommandRun.of(Stream.concat(Stream.of("embed", "--model", model), Stream.of(arguments))
                .toArray());
    }

    private static List<JsonNode> lines(String text) {
        return text.lines().map(JSON::readTree).toList();
    }

    private static float[] values(JsonNode line) {
        JsonNode embedding = line.path("embedding");
        float[] values = new float[embedding.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) embedding.get(i).asDouble();
        }
        return values;
    }
}
