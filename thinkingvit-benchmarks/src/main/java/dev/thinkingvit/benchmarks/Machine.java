package dev.thinkingvit.benchmarks;

import ai.onnxruntime.OrtEnvironment;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.tensor.Natives;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.bytedeco.javacpp.Loader;

/**
 * What was measured on, without which a number says little.
 *
 * @param cpu the processor's own name
 * @param extensions its instructions that matter to products
 * @param cores that this process may use
 * @param os name and version
 * @param java version and vendor
 * @param pytorch version of org.bytedeco:pytorch
 * @param dnnl version of org.bytedeco:dnnl
 * @param onnxruntime version of ONNX Runtime
 * @param thinkingvit version of this project
 */
record Machine(
        String cpu,
        List<String> extensions,
        int cores,
        String os,
        String java,
        String pytorch,
        String dnnl,
        String onnxruntime,
        String thinkingvit) {
    private static final Path CPU_INFO = Path.of("/proc/cpuinfo");
    private static final Set<String> TELLING =
            Set.of("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "avx_vnni", "amx_bf16", "amx_int8");

    Machine {
        extensions = List.copyOf(extensions);
    }

    private static String binding(String artifact) {
        try {
            return Loader.getVersion("org.bytedeco", artifact);
        } catch (IOException e) {
            return "unknown";
        }
    }

    private static String onnxRuntime() {
        String version = OrtEnvironment.class.getPackage().getImplementationVersion();
        return version == null ? "unknown" : version;
    }

    static Machine here() {
        String cpu = System.getProperty("os.arch");
        Set<String> extensions = new TreeSet<>();
        try {
            for (String line : Files.readAllLines(CPU_INFO)) {
                String value = line.substring(line.indexOf(':') + 1).strip();
                if (line.startsWith("model name")) {
                    cpu = value;
                } else if (line.startsWith("flags")) {
                    extensions.addAll(List.of(value.split(" ")));
                }
            }
        } catch (IOException e) {
            extensions.clear(); // not Linux: the architecture has to do
        }
        extensions.retainAll(TELLING);
        String version = Machine.class.getPackage().getImplementationVersion();
        return new Machine(
                cpu,
                List.copyOf(extensions),
                Natives.availableCores(),
                System.getProperty("os.name") + " " + System.getProperty("os.version"),
                Runtime.version() + " (" + System.getProperty("java.vendor") + ")",
                binding("pytorch"),
                binding("dnnl"),
                onnxRuntime(),
                version == null ? "development" : version);
    }

    /** All that matters to a rate, in a line. */
    String line() {
        return String.format(
                "%s, %d cores (%s); Java %s; pytorch %s, dnnl %s, ONNX Runtime %s",
                cpu, cores, String.join(" ", extensions), java, pytorch, dnnl, onnxruntime);
    }

    /**
     * The head of a report.
     *
     * @param limits largest product rates, GFLOP/s by precision
     */
    void print(Map<Precision, Double> limits, int turns, PrintWriter out) {
        out.println(line());
        limits.entrySet().stream()
                .sorted(Map.Entry.comparingByKey())
                .forEach(limit -> out.printf(
                        "large products in %s: %,.0f GFLOP/s%n",
                        limit.getKey().name().toLowerCase(Locale.ROOT), limit.getValue()));
        out.printf("median of %d turns (slowest – fastest)%n%n", turns);
    }
}
