package dev.thinkingvit.inference;

import static org.assertj.core.api.Assertions.assertThat;

import dev.thinkingvit.OwnProcess;
import dev.thinkingvit.onnx.OnnxExport;
import dev.thinkingvit.store.ModelDirectory;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What programs live through that have a classifier in them, each in a process of its own. */
@NullUnmarked // a null fails the test
class EmbeddingProgramTest {
    /** Beside what the virtual machine needs for its own end, on a machine with other work. */
    private static final long SOON_SECONDS = 8;

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({
        "closed-by-a-hook, close done",
        "classified-in-a-hook, classify (done|ShutdownException)",
        "pool-drained-in-a-hook, drained true 2000",
        "opened-in-a-hook, open (done|ShutdownException|TensorException)",
        "trained, training ShutdownException",
        "works-at-the-exit, '(?s)second work.*last work.*late ShutdownException'"
    })
    void theProcessEndsWhateverItsHooksDoWithTheClassifier(String program, String said) throws Exception {
        try (OwnProcess process = OwnProcess.start(folder, EmbeddingProgram.class, List.of(), program)) {
            process.awaitOutput("ready");
            process.terminate();
            assertThat(process.await(SOON_SECONDS)).as(process.out()).isEqualTo(143);
            assertThat(process.out()).containsPattern(said).doesNotContain("SIG", "xception in thread");
        }
    }

    @Test
    void aHookThatOpensAnExportedModelIsRefused() throws Exception {
        ModelDirectory.Model model = ModelDirectory.read(Path.of("../models/cifar10-3h-6h"));
        OnnxExport.write(folder.resolve("onnx"), model.config(), model.weights(), OnnxExport.Layout.SHARED, "test");
        try (OwnProcess process = OwnProcess.start(
                folder,
                EmbeddingProgram.class,
                List.of(),
                "opened-in-a-hook",
                folder.resolve("onnx").toString())) {
            process.awaitOutput("ready");
            process.terminate();
            assertThat(process.await(SOON_SECONDS)).as(process.out()).isEqualTo(143);
            assertThat(process.out()).contains("open ShutdownException");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"1", "64"}) // the compute thread asks the router, or a worker
    void theProcessEndsWhenARouterCallsForItsExit(String pictures) throws Exception {
        try (OwnProcess process =
                OwnProcess.start(folder, EmbeddingProgram.class, List.of(), "exit-in-a-router", pictures)) {
            assertThat(process.await(20)).as(process.out()).isEqualTo(5); // 30 s are the longest wait
            assertThat(process.out()).contains("close done", "call ShutdownException");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"1", "64"})
    void theProcessEndsThoughARouterWaitsForEver(String pictures) throws Exception {
        try (OwnProcess process =
                OwnProcess.start(folder, EmbeddingProgram.class, List.of(), "stuck-in-a-router", pictures)) {
            process.awaitOutput("ready");
            process.terminate();
            assertThat(process.await(SOON_SECONDS)).as(process.out()).isEqualTo(143);
            assertThat(process.out()).contains("queued ShutdownException", "close done", "call ShutdownException");
        }
    }

    @Test
    void nothingIsComputedForCallersWhoHaveGone() throws Exception {
        String out = run("abandoned");
        assertThat(out).contains("cancelled 200, abandoned 200");
        int computed = Integer.parseInt(out.replaceAll("(?s).*computed (\\d+).*", "$1"));
        // the first caller's, the two single ones', and one that may have been begun as it was given up counts nowhere
        assertThat(computed).isEqualTo(1 + 64 + 1);
    }

    @Test
    void aCallerWithManyPicturesLetsOthersHaveTheirTurn() throws Exception {
        String out = run("turns");
        long many = Long.parseLong(out.replaceAll("(?s).*many (\\d+).*", "$1"));
        long worst = Long.parseLong(out.replaceAll("(?s).*worst (\\d+).*", "$1"));
        int turns = Integer.parseInt(out.replaceAll("(?s).*worst \\d+ of (\\d+).*", "$1"));
        assertThat(worst).as(out).isLessThan(many / 2);
        assertThat(turns).as(out).isGreaterThan(3);
    }

    @Test
    void aFullQueueRefusesWithTheModelAndItsLength() throws Exception {
        String out = run("full");
        assertThat(out)
                .contains("cifar10-3h-6h|3|")
                .contains("cifar10-3h-6h: 3 calls wait already")
                .containsPattern("done [4-9]|done \\d\\d");
    }

    @Test
    void aCallThatHasBegunIsNotRefusedForTheRest() throws Exception {
        assertThat(run("full-meanwhile")).contains("steps done", "batches done");
    }

    @Test
    void threadsAndHookEndWithTheLastClassifier() throws Exception {
        assertThat(run("threads").lines()).hasSize(6).allMatch(line -> line.matches("open [1-9]\\d*|closed 0\\[]"));
    }

    @ParameterizedTest
    @CsvSource({
        "redeployed-on-a-prepared-server, 0",
        "redeployed, 1" // the first, which ImageIO's registry and JavaCPP's thread keep
    })
    void applicationsThatAreUndeployedAreCollected(String program, int left) throws Exception {
        assertThat(run(program)).contains("left " + left + ", 0[]");
    }

    @ParameterizedTest
    @CsvSource({"1, , ", ", -Dthinkingvit.threads=1, ", ", , 1", ", , '1,4'", "4, -Dthinkingvit.threads=1, 2"})
    void asManyThreadsComputeAsTheProgramOrItsEnvironmentSays(String asked, String property, String omp)
            throws Exception {
        List<String> options = property == null ? List.of() : List.of(property);
        Map<String, String> environment = omp == null ? Map.of() : Map.of("OMP_NUM_THREADS", omp);
        String out = run(environment, options, Stream.of("cores", asked).filter(Objects::nonNull));
        // one computes; a little more is Java's own
        assertThat(number(out, "cores")).as(out).isBetween(1, 140);
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "-1", "two", "", "99999999999"})
    void aPropertyThatIsNoNumberOfThreadsIsRefused(String threads) throws Exception {
        Path java = Path.of(System.getProperty("java.home"));
        List<String> options = List.of("-Dthinkingvit.threads=" + threads);
        try (OwnProcess process = OwnProcess.start(folder, Map.of(), java, EmbeddingProgram.class, options, "cores")) {
            assertThat(process.await(120)).as(process.out()).isEqualTo(1);
            assertThat(process.out())
                    .contains("IllegalArgumentException: the system property thinkingvit.threads must be a whole number"
                            + " of at least 1, got '" + threads + "'");
        }
    }

    /** Who waits for the core takes ten times as long, each time; what else the machine does may take it once. */
    @Test
    void onePictureDoesNotWaitForACoreThatAnotherProcessKeepsBusy() throws Exception {
        String out = run("busy-core");
        for (int again = 0; again < 2 && number(out, "busy") >= 3 * number(out, "quiet"); again++) {
            out = run("busy-core");
        }
        assertThat(number(out, "busy")).as(out).isLessThan(3 * number(out, "quiet"));
    }

    private static int number(String out, String name) {
        return Integer.parseInt(out.replaceAll("(?s).*" + name + " (\\d+).*", "$1"));
    }

    private String run(String program) throws Exception {
        return run(Map.of(), List.of("--add-opens", "java.base/java.lang=ALL-UNNAMED"), Stream.of(program));
    }

    private String run(Map<String, String> environment, List<String> options, Stream<String> arguments)
            throws Exception {
        Path java = Path.of(System.getProperty("java.home"));
        try (OwnProcess process = OwnProcess.start(
                folder, environment, java, EmbeddingProgram.class, options, arguments.toArray(String[]::new))) {
            assertThat(process.await(120)).as(process.out()).isZero();
            return process.out();
        }
    }
}
