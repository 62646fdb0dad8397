package dev.thinkingvit.platform;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * A new user's first program, built by Maven as they would: the dependencies and the program that the documents show, in
 * a project that knows nothing of this one but a repository with its artifacts.
 */
class FirstProgramIT {
    private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();
    private static final String PLATFORM = System.getProperty("javacpp.platform", "");
    private static ConsumerProject project;

    @BeforeAll
    static void publish() throws IOException {
        project = new ConsumerProject(
                ROOT, Path.of(System.getProperty("maven.home")), Path.of(System.getProperty("maven.repo.local")));
        project.publish("thinkingvit-bom", "thinkingvit-bom");
        project.publish("thinkingvit-parent", "");
        project.publish("thinkingvit-core", "thinkingvit-core");
        project.publish("thinkingvit-platform", "thinkingvit-platform");
    }

    @Test
    void oneDependencyIsEnoughForTheReadmesPrograms() throws Exception {
        String readme = Files.readString(ROOT.resolve("README.md"));
        String programs = block(readme, "java", "classify(Path") + block(readme, "java", "Request.of");
        project.write("first", block(readme, "xml", "thinkingvit-platform"), programs);
        String classPath = project.compile("-Djavacpp.platform=" + PLATFORM);
        assertThat(nativeJars(classPath)).hasSize(5).allMatch(jar -> jar.endsWith(PLATFORM + ".jar"));
        assertThat(classPath).doesNotContain("junit", "assertj", "logback");
        assertThat(project.run(classPath).lines())
                .containsSubsequence(
                        "cat (81 %) after stage 2", "upload: ship after stage 1", "picture 2: bird after stage 2");
    }

    @Test
    void theLibraryAloneSaysWhatToAdd() throws Exception {
        String readme = Files.readString(ROOT.resolve("README.md"));
        String alone = block(readme, "xml", "thinkingvit-platform").replace("-platform", "-core");
        project.write("alone", alone, block(readme, "java", "ElasticClassifier"));
        assertThat(project.fail(project.compile()))
                .contains("TensorException: libtorch for " + PLATFORM + " is not on the class path: add"
                        + " dev.thinkingvit:thinkingvit-platform:" + System.getProperty("project.version") + ", or");
    }

    @Test
    void theBomHasTheVersionsOfTheLibraryAndOfOnePlatformsNatives() throws Exception {
        String guide = Files.readString(ROOT.resolve("docs/java.md"));
        String program = block(guide, "java", "BrokenPicturesException");
        project.write("by-classifier", block(guide, "xml", "<classifier>").replace("linux-x86_64", PLATFORM), program);
        String classPath = project.compile();
        assertThat(nativeJars(classPath)).hasSize(5);
        assertThat(project.run(classPath)).contains("1 of 2 pictures cannot be read: upload: ", "\ncat\n");
    }

    @Test
    void nativesOfAllPlatformsComeWhereNoneIsNamed() throws Exception {
        String readme = Files.readString(ROOT.resolve("README.md"));
        project.write("everywhere", block(readme, "xml", "thinkingvit-platform"), "");
        String tree = project.maven(ConsumerProject.DEPENDENCY_PLUGIN + ":tree");
        for (String platform : List.of("linux-x86_64", "macosx-arm64", "macosx-x86_64", "windows-x86_64")) {
            for (String library : List.of("javacpp", "openblas", "opencl", "pytorch", "dnnl")) {
                assertThat(tree).contains("org.bytedeco:" + library + ":jar:" + platform + ":");
            }
        }
    }

    private static List<String> nativeJars(String classPath) {
        return Stream.of(classPath.split(File.pathSeparator, -1))
                .filter(jar -> jar.contains("bytedeco") && jar.matches(".*-(linux|macosx|windows|android|ios)-.*"))
                .toList();
    }

    /** The first fenced block of a language in a document that contains these words. */
    private static String block(String document, String language, String words) {
        return Stream.of(document.split("```", -1))
                .filter(block -> block.startsWith(language + "\n") && block.contains(words))
                .map(block -> block.substring(language.length() + 1))
                .findFirst()
                .orElseThrow(() -> new AssertionError("no " + language + " block with " + words));
    }
}
