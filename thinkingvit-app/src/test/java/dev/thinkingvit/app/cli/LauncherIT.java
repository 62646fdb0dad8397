package dev.thinkingvit.app.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.awt.image.BufferedImage;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Runs the launcher as a user would: another process, another directory. */
@NullUnmarked // a null fails the test
class LauncherIT {
    private static final Path HOME = Path.of("").toAbsolutePath().getParent();
    private static final Path SAMPLES = HOME.resolve("samples");
    private static final Path MODEL = HOME.resolve("models/cifar10-3h-6h");
    private static final Path REFERENCE = HOME.resolve("thinkingvit-core/src/test/resources/reference");

    @TempDir
    private Path elsewhere;

    private record Ran(int exit, String out, String err) {
        List<String> errLines() {
            return err.lines().filter(line -> !line.isBlank()).toList();
        }
    }

    private Ran run(Object... arguments) throws IOException, InterruptedException {
        return runScript(HOME.resolve("thinkingvit"), arguments);
    }

    private Ran runScript(Path script, Object... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(script.toString()));
        for (Object argument : arguments) {
            command.add(argument.toString());
        }
        Path out = Files.createTempFile(elsewhere, "out", "");
        Path err = Files.createTempFile(elsewhere, "err", "");
        Process process = new ProcessBuilder(command)
                .directory(elsewhere.toFile())
                .redirectOutput(out.toFile())
                .redirectError(err.toFile())
                .start();
        process.getOutputStream().close();
        assertThat(process.waitFor(5, TimeUnit.MINUTES)).isTrue();
        return new Ran(process.exitValue(), Files.readString(out), Files.readString(err));
    }

    @Test
    void classifiesTheSamplesFromAnyDirectoryAndSaysWhatWasSaved() throws Exception {
        Ran ran = run("classify", SAMPLES);
        assertThat(ran.err()).isEmpty();
        assertThat(ran.exit()).isZero();
        long samples;
        try (var files = Files.list(SAMPLES)) {
            samples = files.count();
        }
        assertThat(ran.out().lines().filter(line -> line.contains(".jpg"))).hasSize((int) samples);
        assertThat(ran.out()).containsPattern("stopped early: .* of .* GMACs spent, \\d+ % of the work saved");
    }

    @Test
    void aLinkToTheLauncherWorks() throws Exception {
        Path link = Files.createSymbolicLink(elsewhere.resolve("tv"), HOME.resolve("thinkingvit"));
        Ran ran = runScript(link, "--version");
        assertThat(ran.exit()).isZero();
        assertThat(ran.out()).startsWith("thinkingvit ");
    }

    @Test
    void anArchiveOfClassesIsMadeOnceAndPassedOverWhereItIsNone() throws Exception {
        Path home = Files.createDirectory(elsewhere.resolve("home"));
        Path target = Files.createDirectories(home.resolve("thinkingvit-app/target"));
        Path built = HOME.resolve("thinkingvit-app/target");
        Files.createSymbolicLink(target.resolve("thinkingvit.jar"), built.resolve("thinkingvit.jar"));
        Files.createSymbolicLink(target.resolve("lib"), built.resolve("lib"));
        Files.createSymbolicLink(home.resolve("samples"), SAMPLES);
        Files.createSymbolicLink(home.resolve("models"), HOME.resolve("models"));
        Files.copy(HOME.resolve("thinkingvit"), home.resolve("thinkingvit"));
        assertRuns(home, "");
        Path archive;
        try (Stream<Path> files = Files.list(target)) {
            archive = files.filter(file -> file.toString().endsWith(".jsa"))
                    .findFirst()
                    .orElseThrow();
        }
        assertRuns(home, "-Xshare:on"); // or Java would not begin
        Files.delete(archive); // it is read-only
        Files.writeString(archive, "half written");
        assertRuns(home, "");
        assertThat(archive).hasContent("half written");

        Path moved = Files.move(home, elsewhere.resolve("moved"));
        assertRuns(moved, "");
        assertRuns(moved, "-Xshare:on");
    }

    private void assertRuns(Path home, String options) throws Exception {
        Ran ran = runScript(
                Path.of("/usr/bin/env"), "THINKINGVIT_OPTS=" + options, home.resolve("thinkingvit"), "info", MODEL);
        assertThat(ran.err()).isEmpty();
        assertThat(ran.exit()).isZero();
        assertThat(ran.out()).contains("entropy_top10");
    }

    @Test
    void jsonNamesEachPicturesStageAndCost() throws Exception {
        Ran ran = run("classify", "--json", "--threshold", "0", SAMPLES);
        JsonNode root = new JsonMapper().readTree(ran.out());
        assertThat(root.get("images")).isNotEmpty();
        for (JsonNode image : root.get("images")) {
            assertThat(image.get("stage").asInt()).as("τ = 0 always thinks").isEqualTo(2);
            assertThat(image.get("entropies")).hasSize(2);
        }
        assertThat(root.get("gmacs").asDouble())
                .isCloseTo(root.get("gmacs_always_thinking").asDouble(), within(1e-9));
    }

    @Test
    void aMissingFileIsOneLine() throws Exception {
        Ran ran = run("classify", "nowhere.jpg");
        assertThat(ran.exit()).isEqualTo(Main.FAILED);
        assertThat(ran.errLines()).hasSize(1);
        assertThat(ran.err()).contains("nowhere.jpg");
    }

    @Test
    void aBrokenPictureAskedForAloneIsAnErrorOfOneLine() throws Exception {
        Path broken = elsewhere.resolve("broken.jpg");
        Files.write(broken, new byte[] {(byte) 0xFF, (byte) 0xD8, (byte) 0xFF, 1, 2, 3});
        Ran ran = run("classify", broken);
        assertThat(ran.exit()).isEqualTo(Main.FAILED);
        assertThat(ran.errLines()).hasSize(1);
        assertThat(ran.err()).contains("broken.jpg").doesNotContain("\tat ");
    }

    @Test
    void aBrokenPictureInAFolderIsNamedSkippedAndCounted() throws Exception {
        Path folder = Files.createDirectory(elsewhere.resolve("pictures"));
        Files.writeString(folder.resolve("a.png"), "no picture");
        ImageIO.write(
                new BufferedImage(40, 30, BufferedImage.TYPE_INT_RGB),
                "png",
                folder.resolve("b.png").toFile());
        Ran ran = run("classify", folder);
        assertThat(ran.exit()).isZero();
        assertThat(ran.errLines()).hasSize(1);
        assertThat(ran.err()).contains("a.png");
        assertThat(ran.out()).contains("b.png").contains("1 skipped");
        assertThat(run("classify", folder.resolve("a.png"), folder.resolve("b.png"))
                        .exit())
                .as("asked for by name")
                .isEqualTo(Main.FAILED);
    }

    @Test
    void aPictureOfAbsurdDimensionsIsRefused() throws Exception {
        Path huge = elsewhere.resolve("huge.gif");
        byte[] header = "GIF89a".getBytes(StandardCharsets.US_ASCII);
        byte[] bytes = new byte[200];
        System.arraycopy(header, 0, bytes, 0, header.length);
        for (int i = 6; i < 10; i++) {
            bytes[i] = (byte) 0xFF; // 65535 x 65535
        }
        Files.write(huge, bytes);
        Ran ran = run("classify", huge);
        assertThat(ran.exit()).isEqualTo(Main.FAILED);
        assertThat(ran.errLines()).hasSize(1);
        assertThat(ran.err()).contains("huge.gif").contains("65535");
    }

    @Test
    void aModelThatIsNotThereIsOneLine() throws Exception {
        Ran ran = run("classify", "--model", elsewhere.resolve("none"), SAMPLES);
        assertThat(ran.exit()).isEqualTo(Main.FAILED);
        assertThat(ran.errLines()).singleElement().asString().contains("none").contains("no such file");
    }

    @Test
    void aDamagedModelIsOneLineAndAStackTraceOnlyWhenAsked() throws Exception {
        Path model = Files.createDirectory(elsewhere.resolve("model"));
        Files.copy(REFERENCE.resolve("vit-3h-6h/config.json"), model.resolve("config.json"));
        try (InputStream whole = Files.newInputStream(REFERENCE.resolve("vit-3h-6h/model.safetensors"))) {
            Files.write(model.resolve("model.safetensors"), whole.readNBytes(100_000));
        }
        Ran ran = run("classify", "--model", model, SAMPLES);
        assertThat(ran.exit()).isEqualTo(Main.FAILED);
        assertThat(ran.errLines()).singleElement().asString().contains("model.safetensors");
        Ran verbose = run("classify", "--verbose", "--model", model, SAMPLES);
        assertThat(verbose.err()).contains("\tat ");
    }

    @Test
    void anUnknownOptionSaysWhereToLook() throws Exception {
        Ran ran = run("classify", "--treshold", "1", SAMPLES);
        assertThat(ran.exit()).isEqualTo(Main.USAGE);
        assertThat(ran.err()).contains("--treshold").contains("thinkingvit help classify");
    }

    /** The network works on threads of its own then, and libtorch must not be torn down below them. */
    @Test
    void whoIsToldToEndWhileThinkingEndsSoon() throws Exception {
        Path pictures = Files.createDirectory(elsewhere.resolve("many"));
        try (Stream<Path> samples = Files.list(SAMPLES)) {
            for (Path sample : samples.toList()) {
                for (int copy = 0; copy < 200; copy++) {
                    Files.copy(sample, pictures.resolve(copy + "-" + sample.getFileName()));
                }
            }
        }
        Path err = Files.createTempFile(elsewhere, "err", "");
        Process process = new ProcessBuilder(
                        HOME.resolve("thinkingvit").toString(), "classify", "--threshold", "0", pictures.toString())
                .directory(elsewhere.toFile())
                .redirectError(err.toFile())
                .start();
        try (BufferedReader out = process.inputReader(StandardCharsets.UTF_8)) {
            for (int line = 0; line < 10; line++) {
                assertThat(out.readLine()).as(Files.readString(err)).isNotNull();
            }
            process.destroy();
            assertThat(process.waitFor(10, TimeUnit.SECONDS)).isTrue();
        } finally {
            process.destroyForcibly();
        }
        assertThat(process.exitValue()).isEqualTo(128 + 15);
        assertThat(err).content().doesNotContain("native work still runs");
    }

    @Test
    void everyCommandHasHelpWithAnExample() throws Exception {
        Ran overview = run("--help");
        assertThat(overview.exit()).isZero();
        for (String command :
                List.of("classify", "evaluate", "calibrate", "info", "convert", "preprocess", "verify", "train")) {
            assertThat(overview.out()).contains(command);
            assertThat(run("help", command).out()).contains("Example");
        }
    }

    @Test
    void aSmallModelIsTrainedAndClassifies() throws Exception {
        Path data = elsewhere.resolve("data");
        for (int i = 0; i < 40; i++) {
            BufferedImage picture = new BufferedImage(16, 16, BufferedImage.TYPE_INT_RGB);
            boolean dark = i % 2 == 0;
            for (int p = 0; p < 256; p++) {
                picture.setRGB(p % 16, p / 16, (dark ? 0x101010 : 0xD0D0D0) + (p * 31 + i * 7) % 23);
            }
            Path folder = Files.createDirectories(data.resolve(dark ? "dark" : "light"));
            ImageIO.write(picture, "png", folder.resolve(i + ".png").toFile());
        }
        Path runFolder = elsewhere.resolve("trained");
        Path model = runFolder.resolve("best");
        Ran train = run(
                "train",
                "--data",
                data,
                "--out",
                runFolder,
                "--stages",
                "1,2",
                "--head-dim",
                "8",
                "--depth",
                "2",
                "--img-size",
                "16",
                "--epochs",
                "12",
                "--batch-size",
                "8",
                "--lr",
                "5e-3",
                "--warmup-epochs",
                "1",
                "--model-ema-decay",
                "0",
                "--drop-path",
                "0",
                "--mixup-prob",
                "0",
                "--aa",
                "null");
        assertThat(train.exit()).as(train.err()).isZero();
        assertThat(Files.readString(model.resolve("config.json"))).doesNotContain(elsewhere.toString());

        Ran again = run("train", "--data", data, "--out", runFolder, "--batch-size", "8");
        assertThat(again.exit()).isEqualTo(Main.FAILED);
        assertThat(again.errLines()).singleElement().asString().contains("--force");
        Ran few = run("train", "--data", data, "--out", elsewhere.resolve("few"), "--batch-size", "64");
        assertThat(few.exit()).isEqualTo(Main.USAGE);
        assertThat(few.err()).contains("40 pictures").contains("--batch-size");
        JsonNode seen = new JsonMapper()
                .readTree(run("classify", "--json", "--model", model, data).out());
        int right = 0;
        for (JsonNode image : seen.get("images")) {
            right += image.get("file").asString().contains(image.get("label").asString()) ? 1 : 0;
        }
        assertThat(right).as("of 40").isGreaterThanOrEqualTo(38);
    }
}
