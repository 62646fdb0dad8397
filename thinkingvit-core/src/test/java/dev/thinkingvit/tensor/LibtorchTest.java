package dev.thinkingvit.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.thinkingvit.inference.Classification;
import dev.thinkingvit.inference.ElasticClassifier;
import dev.thinkingvit.model.NestedNetwork;
import dev.thinkingvit.model.ThinkingViTConfig;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;

/** When libtorch is loaded, and what becomes of threads then; each in a process of its own. */
@NullUnmarked // a null fails the test
class LibtorchTest {
    private static final Path MAPS = Path.of("/proc/self/maps");

    @Test
    void inferenceLoadsNoneAndTrainingThatFollowsKeepsThreadsAsTheyWere() throws Exception {
        assumeThat(MAPS).exists();
        List<String> lines = run("");
        assertThat(lines.get(0)).startsWith("classified ").endsWith(", libtorch false");
        assertThat(lines.get(1)).startsWith("trainable, libtorch true");
        int cores = Natives.availableCores();
        assertThat(lines.get(2)).isEqualTo("compute thread " + cores + " then " + cores + ", " + cores);
        assertThat(lines.get(3)).isEqualTo("worker 1 then 1, 1");
        assertThat(lines.get(4)).isEqualTo("classified " + lines.get(0).split("[ ,]", -1)[1] + ", libtorch true");
    }

    @Test
    void whereOpenMpCannotBeAskedLibtorchSetsItsThreads() throws Exception {
        assumeThat(MAPS).exists();
        List<String> with = run("");
        List<String> without = run("jna");
        assertThat(without.get(0)).isEqualTo(with.get(0).replace("false", "true"));
        assertThat(without.subList(1, 5)).isEqualTo(with.subList(1, 5));
    }

    /** Classifies, makes a network that can be trained, and classifies again. */
    static final class Program {
        private static final Path MODEL = Path.of("src/test/resources/reference/vit-3h-6h");

        private Program() {}

        public static void main(String... arguments) throws IOException {
            try (ElasticClassifier classifier = ElasticClassifier.open(MODEL)) {
                classify(classifier);
                int before = ComputeThread.call(Natives::threads);
                int[] worker = new int[3];
                ComputeThread.call(() -> {
                    ComputeThread.workers().run(each -> worker[0] = Natives.threads());
                    return 0;
                });
                NestedNetwork.initialise(new ThinkingViTConfig(32, 16, 64, 1, 2, List.of(1, 2), 6, 1e-6), 1)
                        .close();
                torch.set_num_threads(1); // what threads that know of nothing else would take over
                System.out.println("trainable, libtorch " + isLoaded());
                int after = ComputeThread.call(Natives::threads);
                int libtorchs = ComputeThread.call(torch::get_num_threads);
                System.out.println("compute thread " + before + " then " + after + ", " + libtorchs);
                ComputeThread.call(() -> {
                    ComputeThread.workers().run(each -> {
                        worker[1] = Natives.threads();
                        worker[2] = torch.get_num_threads();
                    });
                    return 0;
                });
                System.out.println("worker " + worker[0] + " then " + worker[1] + ", " + worker[2]);
                classify(classifier);
            }
        }

        private static void classify(ElasticClassifier classifier) throws IOException {
            float[] picture = new float[classifier.config().preprocessing().floatsPerPicture()];
            Arrays.fill(picture, 0.5f);
            List<Classification> seen = classifier.classify(picture, List.of("grey"), classifier.policy());
            System.out.println("classified " + seen.get(0).labels().get(0).probability() + ", libtorch " + isLoaded());
        }

        private static boolean isLoaded() throws IOException {
            return Files.readString(MAPS, StandardCharsets.ISO_8859_1).contains("libtorch_cpu");
        }
    }

    private static List<String> run(String without) throws IOException, InterruptedException {
        String classPath = Stream.of(System.getProperty("java.class.path").split(File.pathSeparator, -1))
                .filter(jar -> without.isEmpty()
                        || !Path.of(jar).getFileName().toString().startsWith(without + "-"))
                .collect(Collectors.joining(File.pathSeparator));
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        classPath,
                        Program.class.getName())
                .redirectErrorStream(true)
                .start();
        String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(printed).isZero();
        List<String> lines = printed.lines()
                .filter(line -> !line.contains(" DEBUG ") && !line.startsWith("WARNING"))
                .toList();
        assertThat(lines).as(printed).hasSize(5);
        return lines;
    }
}
