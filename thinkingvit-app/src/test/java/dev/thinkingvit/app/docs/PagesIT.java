package dev.thinkingvit.app.docs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.thinkingvit.train.RecipeFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;

/**
 * Runs what the pages tell readers to run, each page's commands one after the other, literally, by a shell, through the
 * launcher. What a block without a language shows right below commands is what they print.
 *
 * <p>{@link Block} says how a page has a command run otherwise, {@link PageFixtures} where its files come from.
 */
class PagesIT {
    /** While a page is being written. */
    private static final @Nullable String ONLY = System.getProperty("page");

    private static final int PATIENCE_SECONDS = 180;

    /** Starting Java often is what takes the time here. */
    private static final String JAVA_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC";

    /** What a command's first word may be besides the launcher: what every shell has. */
    private static final Set<String> SHELL =
            Set.of("ls", "cat", "head", "tail", "mkdir", "cp", "tar", "echo", "sort", "cut");

    /** What not every machine has; a command with one of them is skipped there, visibly. */
    private static final Pattern OPTIONAL = Pattern.compile("(?:^|\\| *)(jq)\\b");

    /** Programs of others that pages tell to run and these tests do not, and why. */
    private static final Map<String, String> NOT_RUN = Map.of(
            "mvn", "it is what runs these tests",
            "tensorboard", "it shows pages until it is stopped; what it reads is tested where Python has it");

    /** Languages of blocks that nothing is done with, and why. */
    private static final Map<String, String> NOT_CHECKED =
            Map.of("python", "SavePthTest has Python read what such lines read, where there is one with torch");

    private static final String SHORTENED = "<!-- run: with \"A\" as \"B\" --> on the line above a block has it run"
            + " otherwise, shorter for example";

    private static final Pattern ASSIGNMENTS = Pattern.compile("^([A-Za-z_]+=\\S* +)*");

    @TempDir
    private Path directory;

    /** JUnit would warn of each link that leads out of its folder. */
    @AfterEach
    void deleteLinks() throws IOException {
        try (Stream<Path> files = Files.walk(directory, 2)) {
            for (Path link : files.filter(Files::isSymbolicLink).toList()) {
                Files.delete(link);
            }
        }
    }

    @TestFactory
    Stream<DynamicNode> everyPageDoesWhatItSays() {
        return Page.all().stream()
                .filter(page -> ONLY == null || page.name().equals(ONLY))
                .map(page -> {
                    List<DynamicTest> tests = new ArrayList<>();
                    Path folder = directory.resolve(page.name().replace('/', '_'));
                    for (Block block : page.blocks()) {
                        test(block, folder, tests);
                    }
                    return DynamicContainer.dynamicContainer(page.name(), tests);
                });
    }

    private static void test(Block block, Path folder, List<DynamicTest> tests) {
        switch (block.language()) {
            case "sh" -> {
                StringBuilder printed = new StringBuilder();
                if (block.afresh()) {
                    tests.add(DynamicTest.dynamicTest(at(block, block.line(), "afresh"), () -> delete(folder)));
                }
                for (Block.Line command : block.commands()) {
                    tests.add(DynamicTest.dynamicTest(
                            at(block, command.number(), command.text()), () -> run(block, command, folder, printed)));
                }
                block.output()
                        .ifPresent(shown -> tests.add(DynamicTest.dynamicTest(
                                at(shown, shown.line(), "is what was printed"),
                                () -> PrintedOutput.requireLike(
                                        shown.lines(),
                                        printed.toString().lines().toList()))));
            }
            case "java" ->
                tests.add(DynamicTest.dynamicTest(at(block, block.line(), "compiles and runs"), () -> {
                    String printed = program(block, folder);
                    block.output()
                            .ifPresent(shown -> PrintedOutput.requireLike(
                                    shown.lines(), printed.lines().toList()));
                }));
            case "yaml" ->
                tests.add(DynamicTest.dynamicTest(
                        at(block, block.line(), "is a recipe"), () -> unlessNot(block, () -> recipe(block, folder))));
            case "json" ->
                tests.add(DynamicTest.dynamicTest(
                        at(block, block.line(), "is JSON"),
                        () -> unlessNot(block, () -> JsonMapper.shared().readTree(text(block)))));
            case "", "xml", "kotlin", "groovy" -> {} // shown, or read by PageTextTest
            default ->
                tests.add(DynamicTest.dynamicTest(
                        at(block, block.line(), "has a language that is checked"), () -> assertThat(NOT_CHECKED)
                                .as(
                                        "%s, line %d: a block in '%s', which nobody checks; teach PagesIT, or list it there"
                                                + " under NOT_CHECKED with a reason",
                                        block.page().name(), block.line(), block.language())
                                .containsKey(block.language())));
        }
    }

    /** Runs lines of Java as a program of their own, in the page's folder, on the app's class path. */
    private static String program(Block block, Path folder) throws Exception {
        block.whyNot().ifPresent(why -> abort(block.page().name() + ", line " + block.line() + "\nis not run: " + why));
        Files.createDirectories(folder);
        Path source = Files.createDirectories(folder.resolveSibling("java")).resolve("Snippet.java");
        Files.writeString(source, JavaSnippet.program(block.asRun()));
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        return execute(
                block,
                block.line(),
                "the Java below",
                folder,
                List.of(
                        java,
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        source.toString()));
    }

    private static void recipe(Block block, Path folder) throws IOException {
        Files.createDirectories(folder);
        RecipeFile.read(Files.writeString(folder.resolve("recipe-of-line-" + block.line() + ".yaml"), text(block)));
    }

    private static void unlessNot(Block block, Executable check) throws Throwable {
        if (block.whyNot().isEmpty()) {
            check.execute();
        }
    }

    private static String text(Block block) {
        return String.join("\n", block.asRun()) + "\n";
    }

    @Test
    void nothingIsListedThatNoPageHas() {
        Set<String> programs = new HashSet<>();
        Set<String> languages = new HashSet<>();
        for (Page page : Page.all()) {
            for (Block block : page.blocks()) {
                languages.add(block.language());
                if (block.language().equals("sh")) {
                    block.commands().forEach(command -> programs.add(programOf(command)));
                }
            }
        }
        assertThat(programs).as("delete from NOT_RUN what no page runs").containsAll(NOT_RUN.keySet());
        assertThat(languages).as("delete from NOT_CHECKED what no page has").containsAll(NOT_CHECKED.keySet());
    }

    private static String programOf(Block.Line command) {
        return ASSIGNMENTS.matcher(command.text()).replaceFirst("").split("\\s", 2)[0];
    }

    private static String at(Block block, int line, String what) {
        return block.page().name() + ":" + line + " " + what;
    }

    private static void run(Block block, Block.Line command, Path folder, StringBuilder printed) throws Exception {
        String place = block.page().name() + ", line " + command.number() + ": " + command.text();
        String program = programOf(command);
        String why = block.whyNot().orElse(NOT_RUN.get(program));
        if (why != null) {
            abort(place + "\nis not run: " + why);
        }
        Matcher optional = OPTIONAL.matcher(command.text());
        if (optional.find()) {
            assumeTrue(
                    isInstalled(optional.group(1)), place + "\nis not run: " + optional.group(1) + " is not installed");
        } else if (!program.endsWith("thinkingvit") && !SHELL.contains(program)) {
            throw new AssertionError(
                    place + "\nbegins with '" + program + "', which these tests do not know: put it into"
                            + " NOT_RUN of PagesIT with a reason, or <!-- run: not, WHY --> on the line above the block");
        }
        printed.append(execute(block, command.number(), command.text(), folder, List.of("sh", "-c", command.text())));
    }

    /** Runs a program in the page's folder, with the files that the page names in it, and returns what it printed. */
    private static String execute(Block block, int line, String what, Path folder, List<String> program)
            throws Exception {
        String place = block.page().name() + ", line " + line + ": " + what;
        Files.createDirectories(folder);
        PageFixtures.place(block.page(), folder);
        Path out = Files.createTempFile(folder.getParent(), "out", ".txt");
        Path err = Files.createTempFile(folder.getParent(), "err", ".txt");
        ProcessBuilder builder = new ProcessBuilder(program)
                .directory(folder.toFile())
                .redirectOutput(out.toFile())
                .redirectError(err.toFile());
        Map<String, String> environment = builder.environment();
        environment.put("PATH", folder + ":" + environment.get("PATH"));
        environment.put("THINKINGVIT_OPTS", JAVA_OPTIONS);
        environment.put("HF_HOME", folder.resolve(PageFixtures.HUB_CACHE).toString());
        environment.put("HF_HUB_OFFLINE", "1");
        long start = System.nanoTime();
        Process process = builder.start();
        process.getOutputStream().close();
        if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
            throw new AssertionError(place + "\nhas not ended after " + PATIENCE_SECONDS + " s and printed:\n"
                    + tail(out) + tail(err) + SHORTENED);
        }
        System.out.printf("%5.1f s  %s%n", (System.nanoTime() - start) / 1e9, place);
        if (process.exitValue() != 0) {
            throw new AssertionError(place + "\nended with " + process.exitValue() + " and printed:\n" + tail(out)
                    + tail(err) + "Files that pages name come from PageFixtures. " + SHORTENED);
        }
        return Files.readString(out);
    }

    private static boolean isInstalled(String program) throws Exception {
        return new ProcessBuilder("sh", "-c", "command -v " + program + " >/dev/null")
                        .start()
                        .waitFor()
                == 0;
    }

    private static String tail(Path file) throws IOException {
        List<String> lines = Files.readAllLines(file);
        return String.join("\n", lines.subList(Math.max(0, lines.size() - 15), lines.size())) + "\n";
    }

    private static void delete(Path folder) throws IOException {
        if (Files.exists(folder)) {
            try (Stream<Path> files = Files.walk(folder)) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(file);
                }
            }
        }
    }
}
