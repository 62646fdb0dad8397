package dev.thinkingvit.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.jar.JarOutputStream;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import org.bytedeco.javacpp.Loader;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Programs whose class path lacks something, each in a process of its own. */
@NullUnmarked // a null fails the test
class NativeJarsTest {
    private static final String PLATFORM = Loader.getPlatform();
    private static final String PLATFORM_JAR = "dev.thinkingvit:thinkingvit-platform";

    @TempDir
    Path folder;

    /** What only libtorch does. */
    private static final String OF_LIBTORCH = "(initialise|floats|toNative|cudaDevices) .*";

    @Test
    void whatIsMissingIsNamedByEachCallAgainAndAgain() throws Exception {
        assertThat(run("", "-PLATFORM")).hasSize(20).allSatisfy(call -> assertThat(call)
                .matches(missing("openblas VERSION and pytorch VERSION with the classifier PLATFORM")));
    }

    private static String missing(String named) {
        return "\\w+ TensorException: libtorch.* is not on the class path.*: add " + PLATFORM_JAR
                + "[^ ]*, or org.bytedeco's "
                + named.replace("PLATFORM", PLATFORM).replace("VERSION", "[\\d.-]+");
    }

    @ParameterizedTest
    @CsvSource({
        "'openblas-.*-PLATFORM', openblas VERSION with the classifier PLATFORM",
        "'pytorch-.*-PLATFORM', pytorch VERSION with the classifier PLATFORM",
        "'(openblas|pytorch)-.*-PLATFORM', openblas VERSION and pytorch VERSION with the classifier PLATFORM",
        "'/openblas/', 'openblas, which thinkingvit-core depends on'",
        "'/(openblas|pytorch)/', 'openblas and pytorch, which thinkingvit-core depends on'"
    })
    void inferenceDoesWithoutLibtorchAndOnlyWhatItAloneDoesNamesIt(String without, String named) throws Exception {
        List<String> calls = run("", without);
        assertThat(calls)
                .filteredOn(call -> call.matches("(open|openIn|isFastHere|scope|compute) .*"))
                .hasSize(10)
                .allMatch(call -> call.endsWith(" went well"));
        assertThat(calls)
                .filteredOn(call -> call.matches(OF_LIBTORCH))
                .isNotEmpty()
                .allSatisfy(call -> assertThat(call).containsPattern("(?s)libtorch|NoClassDefFoundError"));
        assertThat(calls)
                .filteredOn(call -> call.matches("floats .*") && !call.contains("NoClassDef"))
                .allSatisfy(call -> assertThat(call).matches(missing(named)));
    }

    @Test
    void notEvenClassesAreNeededToSayThatNothingIsThere() throws Exception {
        List<String> calls = run("", "/(javacpp|openblas|pytorch|dnnl|opencl)/");
        assertThat(calls)
                .filteredOn(call -> call.matches("(open|openIn|isFastHere|pack|compute) .*"))
                .hasSize(10)
                .allMatch(call -> call.matches("\\w+ TensorException: libtorch is not on the class path, .*: add "
                        + PLATFORM_JAR
                        + "[^ ]*, or org.bytedeco's javacpp, openblas and pytorch, which thinkingvit-core depends on"));
    }

    @ParameterizedTest
    @CsvSource({"'dnnl-.*-PLATFORM'", "'opencl-.*-PLATFORM'", "'/dnnl/'", "'/opencl/'"})
    void withoutOneDnnInferenceGoesOnAndSaysSoOnce(String without) throws Exception {
        List<String> lines = run("", without);
        assertThat(lines)
                .filteredOn(line -> line.contains("goes on without oneDNN"))
                .singleElement(org.assertj.core.api.InstanceOfAssertFactories.STRING)
                .contains("is not on the class path")
                .contains("add " + PLATFORM_JAR);
        assertThat(lines)
                .filteredOn(line -> line.matches("(open|openIn) .*"))
                .allMatch(line -> line.endsWith("went well"));
    }

    @Test
    void nativesOfAnotherPlatformOnlyAreNamed() throws Exception {
        String other = PLATFORM.startsWith("windows") ? "linux-x86_64" : "windows-x86_64";
        boolean windows = other.startsWith("windows");
        Path jar = jar(
                "org/bytedeco/openblas/" + other
                        + (windows ? "/jniopenblas_nolapack.dll" : "/libjniopenblas_nolapack.so"),
                "",
                "org/bytedeco/pytorch/" + other + (windows ? "/jnitorch.dll" : "/libjnitorch.so"),
                "");
        assertThat(run(jar.toString(), "-PLATFORM"))
                .hasSize(20)
                .allMatch(call -> call.contains(
                        "libtorch for " + PLATFORM + " is not on the class path, only that for " + other + ": add "));
    }

    @Test
    void nativesOfAnotherVersionAreRefusedBeforeTheyCrashTheProcess() throws Exception {
        Path jar = jar(
                "org/bytedeco/pytorch/" + PLATFORM + "/" + System.mapLibraryName("jnitorch"),
                "",
                "META-INF/maven/org.bytedeco/pytorch/pom.properties",
                "version=2.9.1-1.5.12");
        assertThat(run(jar.toString(), "pytorch-.*-PLATFORM"))
                .filteredOn(call -> call.matches(OF_LIBTORCH))
                .hasSize(8)
                .allMatch(call -> call.contains("TensorException: the classes of org.bytedeco:pytorch are of version ")
                        && call.contains(", its natives of 2.9.1-1.5.12; import dev.thinkingvit:thinkingvit-bom"));
    }

    /** A jar of texts: name, content, name, content. */
    private Path jar(String... entries) throws IOException {
        Path jar = folder.resolve("made-up.jar");
        try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar))) {
            for (int i = 0; i < entries.length; i += 2) {
                out.putNextEntry(new ZipEntry(entries[i]));
                out.write(entries[i + 1].getBytes(StandardCharsets.UTF_8));
                out.closeEntry();
            }
        }
        return jar;
    }

    /** What {@link FirstCalls} prints without the jars whose path has this in it. */
    private static List<String> run(String before, String without) throws IOException, InterruptedException {
        Pattern left = Pattern.compile(without.replace("PLATFORM", Pattern.quote(PLATFORM)));
        String classPath = Stream.of((before + File.pathSeparator + System.getProperty("java.class.path"))
                        .split(File.pathSeparator, -1))
                .filter(jar -> !jar.isEmpty()
                        && !(jar.contains("bytedeco")
                                && left.matcher(jar.replace('\\', '/')).find()))
                .collect(Collectors.joining(File.pathSeparator));
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        classPath,
                        FirstCalls.class.getName())
                .redirectErrorStream(true)
                .start();
        String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(printed).isZero();
        return printed.lines().filter(line -> !line.contains(" DEBUG ")).toList();
    }
}
