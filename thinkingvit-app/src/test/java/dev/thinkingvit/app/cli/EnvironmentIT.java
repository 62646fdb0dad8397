package dev.thinkingvit.app.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs the launcher where locale, user, folders and streams are not as at a developer's desk. */
@NullUnmarked // JUnit sets the folder
class EnvironmentIT {
    private static final Path HOME = Path.of("").toAbsolutePath().getParent();
    private static final Path SAMPLES = HOME.resolve("samples");
    private static final String STRANGER = "setpriv --reuid=54321 --regid=54321 --clear-groups ";

    @TempDir
    private Path elsewhere;

    private record Ran(int exit, String out, String err) {
        String errLine() {
            assertThat(err.lines().filter(line -> !line.isBlank())).as(err).hasSize(1);
            return err.strip();
        }
    }

    /** Runs a line of the shell, in which {@code $TV} is the launcher. */
    private Ran shell(String line, Map<String, String> environment) throws IOException, InterruptedException {
        Path out = Files.createTempFile(elsewhere, "out", "");
        Path err = Files.createTempFile(elsewhere, "err", "");
        ProcessBuilder builder = new ProcessBuilder("sh", "-c", line)
                .directory(elsewhere.toFile())
                .redirectOutput(out.toFile())
                .redirectError(err.toFile());
        builder.environment().put("TV", HOME.resolve("thinkingvit").toString());
        builder.environment().put("SAMPLES", SAMPLES.toString());
        builder.environment().putAll(environment);
        Process process = builder.start();
        process.getOutputStream().close();
        assertThat(process.waitFor(5, TimeUnit.MINUTES)).isTrue();
        return new Ran(process.exitValue(), Files.readString(out), Files.readString(err));
    }

    private Ran shell(String line) throws IOException, InterruptedException {
        return shell(line, Map.of());
    }

    private static Path sample() throws IOException {
        try (Stream<Path> samples = Files.list(SAMPLES)) {
            return samples.sorted().findFirst().orElseThrow();
        }
    }

    private static Path jars() {
        return List.of(HOME.resolve("thinkingvit-app/target"), HOME.resolve("thinkingvit-app/target/quick")).stream()
                .filter(folder -> Files.exists(folder.resolve("thinkingvit.jar")))
                .findFirst()
                .orElseThrow();
    }

    /** Whether tests may be somebody whom the system does not know, and that somebody reads this project. */
    private void assumeStrangersMayRun() throws Exception {
        boolean may = shell(STRANGER + "\"$TV\" --version >/dev/null 2>&1").exit() == 0;
        assumeTrue(may, "only root can be another user here, and the project must be readable for everybody");
        Files.setPosixFilePermissions(elsewhere, PosixFilePermissions.fromString("rwxrwxrwx"));
    }

    @Test
    void namesInEveryScriptAreReadWhateverTheLocale() throws Exception {
        // the shell makes the folder: this test's own Java may not be able to say its name
        Ran ran = shell(
                "mkdir 猫 && cp '" + sample() + "' 猫/ö.jpg && \"$TV\" classify --json 猫",
                Map.of("LC_ALL", "C", "LANG", "C"));
        assertThat(ran.err()).isEmpty();
        assertThat(ran.out()).contains("\"file\":\"猫/ö.jpg\"");
    }

    @Test
    void aJavaThatCannotReadNamesSaysWhatToDo() throws Exception {
        Path jars = jars();
        Ran ran = shell(
                "mkdir 犬 && cp '" + sample() + "' 犬/a.jpg && java -Dthinkingvit.home='" + HOME + "' -cp '" + jars
                        + "/thinkingvit.jar:" + jars + "/lib/*' dev.thinkingvit.app.cli.Main classify .",
                Map.of("LC_ALL", "POSIX"));
        assertThat(ran.exit()).isEqualTo(Main.FAILED);
        assertThat(ran.errLine()).contains("LC_ALL=C.UTF-8");
    }

    @Test
    void aQuestionMarkInANameIsNoLostCharacter() throws Exception {
        Path jars = jars();
        Ran ran = shell(
                "cp '" + sample()
                        + "' 'what??.jpg' && for f in 'what??.jpg' 'what?.jpg' ö.jpg; do java -Dthinkingvit.home='"
                        + HOME + "' -cp '" + jars + "/thinkingvit.jar:" + jars
                        + "/lib/*' dev.thinkingvit.app.cli.Main classify \"$f\"; done",
                Map.of("LC_ALL", "POSIX"));
        assertThat(ran.out()).contains("what??.jpg  ");
        assertThat(ran.err().lines())
                .satisfiesExactly(
                        missing -> assertThat(missing).isEqualTo("thinkingvit: what?.jpg: no such file or folder"),
                        lost -> assertThat(lost).contains("LC_ALL=C.UTF-8"));
    }

    @Test
    void aModelFolderThatMayNotBeEnteredIsNotCalledEmpty() throws Exception {
        assumeStrangersMayRun();
        Path model = Files.createDirectory(elsewhere.resolve("secret"));
        Files.setPosixFilePermissions(model, PosixFilePermissions.fromString("---------"));
        assertThat(shell(STRANGER + "\"$TV\" info secret").errLine())
                .isEqualTo("thinkingvit: secret: model.safetensors in it cannot be read: permission denied");
    }

    @Test
    void resultsThatDoNotFitAreAnErrorInEveryCommand() throws Exception {
        assumeTrue(Files.exists(Path.of("/dev/full")), "no device here that is always full");
        for (String command :
                List.of("classify --json \"$SAMPLES\"", "classify \"$SAMPLES\"", "--version", "--help", "help train")) {
            Ran ran = shell("\"$TV\" " + command + " > /dev/full");
            assertThat(ran.exit()).as(command).isEqualTo(Main.FAILED);
            assertThat(ran.errLine()).isEqualTo("thinkingvit: standard output: no space left on device");
        }
    }

    @Test
    void whoeverHasReadEnoughHearsNoComplaint() throws Exception {
        Ran ran = shell("{ \"$TV\" classify \"$SAMPLES\"; echo \"exit $?\" >&2; } | head -n 1");
        assertThat(ran.out().lines()).hasSize(1);
        assertThat(ran.errLine()).isEqualTo("exit 141");
    }

    @Test
    void aUserWhomTheSystemDoesNotKnowLeavesNothingBehindWhereHeWorks() throws Exception {
        assumeStrangersMayRun();
        Path temporary = Files.createDirectory(elsewhere.resolve("temporary"));
        Files.setPosixFilePermissions(temporary, PosixFilePermissions.fromString("rwxrwxrwx"));
        Path work = Files.createDirectory(elsewhere.resolve("work"));
        Files.setPosixFilePermissions(work, PosixFilePermissions.fromString("rwxrwxrwx"));
        Ran ran = shell("cd work && env -u HOME -u XDG_CACHE_HOME TMPDIR='" + temporary + "' " + STRANGER
                + "\"$TV\" classify '" + sample() + "'");
        assertThat(ran.err()).isEmpty();
        assertThat(ran.exit()).isZero();
        assertThat(work).isEmptyDirectory();
        assertThat(temporary.resolve("thinkingvit-natives-54321")).isDirectory();
        assertThat(Files.getPosixFilePermissions(temporary.resolve("thinkingvit-natives-54321")))
                .isEqualTo(PosixFilePermissions.fromString("rwx------"));
    }

    @Test
    void aFileThatMayNotBeReadIsNamedWithTheReason() throws Exception {
        assumeStrangersMayRun();
        Path model = Files.copy(
                HOME.resolve("models/cifar10-3h-6h/model.safetensors"), elsewhere.resolve("secret.safetensors"));
        Files.setPosixFilePermissions(model, PosixFilePermissions.fromString("---------"));
        assertThat(shell(STRANGER + "\"$TV\" info secret.safetensors").errLine())
                .isEqualTo("thinkingvit: secret.safetensors: cannot be read: permission denied");
    }

    @Test
    void anInstallationPathMayHoldAlmostAnything() throws Exception {
        for (String name : List.of("sp ace", "qu'ote", "st*r", "wow!w", "d$x", "猫")) {
            Files.createDirectory(elsewhere.resolve("in"));
            Ran ran = shell(
                    "mkdir \"in/$NAME\" && for f in \"${TV%/*}\"/*; do ln -s \"$f\" \"in/$NAME\"; done"
                            + " && rm \"in/$NAME/thinkingvit\" && cp \"$TV\" \"in/$NAME\""
                            + " && \"in/$NAME/thinkingvit\" --version; rc=$?; rm -r in; exit $rc",
                    Map.of("NAME", name));
            assertThat(ran.exit()).as(name + ": " + ran.err()).isZero();
        }
    }

    @Test
    void anInstallationPathThatJavaCannotHoldIsOneLine() throws Exception {
        for (String name : List.of("a:b", "wow!")) {
            Ran ran = shell(
                    "mkdir \"$NAME\" && cp \"$TV\" \"$NAME\" && \"$NAME/thinkingvit\" --version", Map.of("NAME", name));
            assertThat(ran.exit()).isEqualTo(Main.FAILED);
            assertThat(ran.errLine()).contains(name + ": Java finds nothing");
        }
    }

    @Test
    void aWorkingFolderThatIsGoneIsSaid() throws Exception {
        Ran ran = shell("mkdir gone && cd gone && rmdir ../gone && \"$TV\" --version");
        assertThat(ran.exit()).isEqualTo(Main.FAILED);
        assertThat(ran.err())
                .contains("thinkingvit: the working folder is gone")
                .doesNotContain("java.lang");
    }

    @Test
    void whatIsWrittenHasTheModeThatTheUserWants() throws Exception {
        Ran ran = shell("umask 077 && \"$TV\" preprocess --size 32 '" + sample() + "' --out tensor.safetensors");
        assertThat(ran.err()).isEmpty();
        assertThat(Files.getPosixFilePermissions(elsewhere.resolve("tensor.safetensors")))
                .isEqualTo(PosixFilePermissions.fromString("rw-------"));
        assertThat(Files.readAllBytes(elsewhere.resolve("tensor.safetensors"))).isNotEmpty();
    }
}
