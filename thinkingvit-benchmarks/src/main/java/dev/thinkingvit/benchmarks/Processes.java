package dev.thinkingvit.benchmarks;

import dev.thinkingvit.inference.ElasticClassifier;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.store.ModelDirectory;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;

/**
 * What can only be measured on whole processes: their memory, and how long one takes that classifies a single picture
 * and ends.
 */
final class Processes {
    private static final Path STATUS = Path.of("/proc/self/status");
    private static final double MIB = 1 << 20;
    private static final int SERVED = 10;

    private Processes() {}

    /**
     * A measurement.
     *
     * @param what was measured
     * @param unit of the values
     * @param values in rising order
     * @param note beside them
     */
    record Row(String what, String unit, List<Double> values, String note) {
        Row {
            values = values.stream().sorted().toList();
        }

        double median() {
            return values.get(values.size() / 2);
        }

        String line() {
            String spread = values.size() < 2
                    ? ""
                    : String.format(" (%.2f – %.2f)", values.get(0), values.get(values.size() - 1));
            return String.format("%s: %.2f %s%s%s", what, median(), unit, spread, note.isEmpty() ? "" : ", " + note);
        }
    }

    /**
     * Starts a process of its own for a way to run a model, which serves batches, and asks for its largest memory.
     *
     * @param folder that it loads: an exported model for ONNX Runtime, else a model directory
     */
    static Row memory(InferenceBenchmark.Way way, String model, Path folder, int batch, double weightMebibytes)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(java());
        command.addAll(List.of(
                "-cp",
                System.getProperty("java.class.path"),
                "-Dthinkingvit.home=" + System.getProperty("thinkingvit.home", "."),
                Main.class.getName(),
                "serve-once",
                "--contender",
                way.option(),
                "--model",
                folder.toString(),
                "--batch",
                Integer.toString(batch)));
        String said = output(command);
        return new Row(
                "peak memory, " + model + " " + way.label + ", batch " + batch,
                "MiB",
                List.of(Double.parseDouble(said.strip())),
                String.format("%.1f MiB of them packed weights", weightMebibytes));
    }

    private static List<String> java() {
        return List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    }

    /** Classifies one picture with the launcher, each time in a new process; the first time is not counted. */
    static Row coldStart(Path launcher, Path picture, int times) throws IOException, InterruptedException {
        List<String> command = List.of(launcher.toString(), "classify", picture.toString());
        output(command);
        List<Double> seconds = new ArrayList<>();
        for (int i = 0; i < times; i++) {
            long start = System.nanoTime();
            output(command);
            seconds.add((System.nanoTime() - start) / 1e9);
        }
        return new Row("cold classify of one picture", "s", seconds, times + " processes");
    }

    private static String output(List<String> command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        int code = process.waitFor();
        if (code != 0) {
            throw new IOException("exit code " + code + " of " + String.join(" ", command.subList(0, 2)) + " …");
        }
        return said;
    }

    /** Loads a model as a server would, runs batches, and says how large its memory became, in MiB. */
    static double serveOnce(InferenceBenchmark.Way way, Path model, int batch) throws IOException {
        if (way == InferenceBenchmark.Way.NAIVE) {
            ModelDirectory.Model read = ModelDirectory.read(model);
            ThinkingViTConfig network = ThinkingViTConfig.of(read.config().network());
            float[] images = SyntheticBatch.draw(network, batch, 1).images();
            try (NaiveInference naive = new NaiveInference("naive", network, read.weights(), images, batch)) {
                naive.settle();
                naive.step();
            }
        } else {
            try (ElasticClassifier classifier = ElasticClassifier.open(model, way.precision)) {
                float[] images = SyntheticBatch.draw(classifier.config().network(), batch, 1)
                        .images();
                ElasticInference elastic = new ElasticInference("elastic", classifier.engine(), images, batch, batch);
                for (int i = 0; i < SERVED; i++) {
                    elastic.step();
                }
            }
        }
        return peakBytes().orElseThrow(() -> new IOException("this system does not tell a process's memory")) / MIB;
    }

    /** The largest memory this process has had; empty where the system does not tell. */
    static OptionalLong peakBytes() throws IOException {
        if (!Files.isReadable(STATUS)) {
            return OptionalLong.empty();
        }
        return Files.readAllLines(STATUS).stream()
                .filter(line -> line.startsWith("VmHWM:"))
                .mapToLong(line -> Long.parseLong(Arrays.stream(line.split("\\s+"))
                                .filter(word -> word.matches("\\d+"))
                                .findFirst()
                                .orElse("0"))
                        * 1024)
                .findFirst();
    }
}
