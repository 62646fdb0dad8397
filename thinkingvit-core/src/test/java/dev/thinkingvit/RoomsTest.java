package dev.thinkingvit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.thinkingvit.inference.ElasticClassifier;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The rooms of the library as {@code docs/architecture.md} has them: what its compiled classes use of each other. */
class RoomsTest {
    private static final String OURS = "dev.thinkingvit.";

    /** Rooms that may use libtorch's and oneDNN's classes wherever they like, as CONTRIBUTING.md has it. */
    private static final Set<String> NATIVE = Set.of("tensor", "distributed", "train", "verify");

    /** Of other rooms the classes that may: executors by libtorch's operators, and what trains or judges through them. */
    private static final Map<String, Set<String>> NATIVE_CLASSES = Map.of(
            "network",
            Set.of(
                    "Choices",
                    "DropPath",
                    "Gumbel",
                    "LeftRows",
                    "NestedWeights",
                    "RecomputedLayers",
                    "Slice",
                    "StageLoss",
                    "TorchLayers",
                    "TorchStage",
                    "TrainingPasses"),
            "model",
            Set.of("NestedBackbone", "NestedNetwork"));

    private static final Pattern USE = Pattern.compile("^ +(\\S+) +-> (\\S+).*");

    /** For each room the rooms that its classes use, itself apart. */
    private static final Map<String, Set<String>> USES = new TreeMap<>();

    /** Classes that use native types, those within them under their names. */
    private static final Set<String> NATIVE_USERS = new TreeSet<>();

    /** Those of them that use libtorch's. */
    private static final Set<String> LIBTORCH_USERS = new TreeSet<>();

    @BeforeAll
    static void ask() throws URISyntaxException {
        Path classes = Path.of(ElasticClassifier.class
                .getProtectionDomain()
                .getCodeSource()
                .getLocation()
                .toURI());
        StringWriter said = new StringWriter();
        PrintWriter out = new PrintWriter(said);
        ToolProvider jdeps = ToolProvider.findFirst("jdeps").orElseThrow();
        int code = jdeps.run(out, out, "--ignore-missing-deps", "-verbose:class", classes.toString());
        assertThat(code).as(said.toString()).isZero();
        for (String line : said.toString().split("\\R", -1)) {
            Matcher use = USE.matcher(line);
            if (use.matches() && use.group(1).startsWith(OURS)) {
                String from = use.group(1).substring(OURS.length());
                String to = use.group(2);
                Set<String> uses = USES.computeIfAbsent(room(from), each -> new TreeSet<>());
                if (to.startsWith("org.bytedeco.")) {
                    NATIVE_USERS.add(from.replaceFirst("\\$.*", ""));
                    if (to.startsWith("org.bytedeco.pytorch.")) {
                        LIBTORCH_USERS.add(from.replaceFirst("\\$.*", ""));
                    }
                } else if (to.startsWith(OURS)
                        && !room(to.substring(OURS.length())).equals(room(from))) {
                    uses.add(room(to.substring(OURS.length())));
                }
            }
        }
        assertThat(USES).containsKeys("tensor", "network", "model", "inference", "store");
    }

    /** {@code picture.webp} of {@code picture.webp.Vp8Frame}. */
    private static String room(String type) {
        return type.substring(0, type.lastIndexOf('.'));
    }

    @Test
    void dependenciesFormNoCircle() {
        Map<String, Set<String>> left = new TreeMap<>();
        USES.forEach((from, uses) -> {
            left.put(from, new TreeSet<>(uses));
        });
        // whoever uses nobody that is left cannot be in a circle
        boolean removed = true;
        while (removed) {
            Set<String> done = new TreeSet<>();
            left.forEach((from, uses) -> {
                if (uses.stream().noneMatch(left::containsKey)) {
                    done.add(from);
                }
            });
            removed = left.keySet().removeAll(done);
        }
        left.values().forEach(uses -> uses.retainAll(left.keySet()));
        assertThat(left).as("rooms in circles, and those that lead into one").isEmpty();
    }

    @Test
    void onlyThoseUseNativeTypesThatMay() {
        List<String> others = NATIVE_USERS.stream()
                .filter(each -> !NATIVE.contains(room(each)))
                .filter(each -> !NATIVE_CLASSES
                        .getOrDefault(room(each), Set.of())
                        .contains(each.substring(each.lastIndexOf('.') + 1)))
                .toList();
        assertThat(NATIVE_USERS).contains("network.TorchLayers", "tensor.Scope");
        assertThat(others).as("users of org.bytedeco that are not listed").isEmpty();
    }

    @Test
    void whatOneDnnComputesPassesNoTypeOfLibtorchs() {
        assertThat(LIBTORCH_USERS)
                .contains("tensor.TorchTensor")
                .doesNotContain(
                        "tensor.NativeTensor",
                        "tensor.NativeArray",
                        "tensor.DnnlMatrix",
                        "tensor.DnnlProgram",
                        "tensor.DnnlView",
                        "tensor.HostTensor",
                        "tensor.Scope");
    }
}
