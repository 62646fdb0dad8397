package dev.thinkingvit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.thinkingvit.inference.ElasticClassifier;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
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

    /** Who may use libtorch's and oneDNN's classes, as CONTRIBUTING.md has it. */
    private static final Set<String> NATIVE =
            Set.of("tensor", "network", "model", "distributed", "inference", "onnx", "train", "verify");

    private static final Pattern USE = Pattern.compile("^ +(\\S+) +-> (\\S+).*");

    /** For each room the packages that its classes use, itself apart. */
    private static final Map<String, Set<String>> USES = new TreeMap<>();

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
        int code = jdeps.run(out, out, "--ignore-missing-deps", "-verbose:package", classes.toString());
        assertThat(code).as(said.toString()).isZero();
        for (String line : said.toString().split("\\R", -1)) {
            Matcher use = USE.matcher(line);
            if (use.matches() && use.group(1).startsWith(OURS)) {
                String from = use.group(1).substring(OURS.length());
                String to = use.group(2);
                Set<String> uses = USES.computeIfAbsent(from, each -> new TreeSet<>());
                if (!to.equals(use.group(1))) {
                    uses.add(to.startsWith(OURS) ? to.substring(OURS.length()) : to);
                }
            }
        }
        assertThat(USES).containsKeys("tensor", "network", "model", "inference", "store");
    }

    @Test
    void dependenciesFormNoCircle() {
        Map<String, Set<String>> left = new TreeMap<>();
        USES.forEach((from, uses) -> {
            Set<String> rooms = new TreeSet<>(uses);
            rooms.removeIf(to -> !USES.containsKey(to));
            left.put(from, rooms);
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
    void onlyTheRoomsThatMayUseNativeTypes() {
        List<String> users = new ArrayList<>();
        USES.forEach((from, uses) -> {
            if (uses.stream().anyMatch(to -> to.startsWith("org.bytedeco"))) {
                users.add(from);
            }
        });
        assertThat(users).isNotEmpty().allMatch(NATIVE::contains);
    }
}
