package dev.thinkingvit.platform;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

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
        project.publish("thinkingvit-inference", "thinkingvit-inference");
    }

    @Test
    void oneDependencyIsEnoughForTheReadmesPrograms() throws Exception {
        String readme = Files.readString(ROOT.resolve("README.md"));
        String programs = block(readme, "java", "classify(Path") + block(readme, "java", "Request.of");
        project.write("first", block(readme, "xml", "thinkingvit-platform"), programs);
        String classPath = project.compile("-Djavacpp.platform=" + PLATFORM);
        assertThat(nativeJars(classPath)).hasSize(5).allMatch(jar -> jar.endsWith(PLATFORM + ".jar"));
        assertThat(classPath).doesNotContain("junit", "assertj", "logback", "jackson", "snakeyaml");
        assertThat(alike(project.run(classPath)).lines())
                .containsSubsequence(
                        "cat (88 %) after stage 2", "upload: ship after stage 1", "picture 2: bird after stage 2");
    }

    @Test
    void whatOnlyInfersDoesWithoutLibtorch() throws Exception {
        String readme = Files.readString(ROOT.resolve("README.md"));
        String guide = Files.readString(ROOT.resolve("docs/java.md"));
        String programs = block(readme, "java", "classify(Path") + block(readme, "java", "Request.of");
        project.write("inference", block(guide, "xml", "thinkingvit-inference"), programs);
        String classPath = project.compile("-Djavacpp.platform=" + PLATFORM);
        assertThat(nativeJars(classPath)).hasSize(3).allMatch(jar -> jar.endsWith(PLATFORM + ".jar"));
        assertThat(classPath).doesNotContain("pytorch", "openblas");
        assertThat(alike(project.run(classPath)).lines())
                .containsSubsequence(
                        "cat (88 %) after stage 2", "upload: ship after stage 1", "picture 2: bird after stage 2");
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

    /**
     * The oldest versions of each framework's line that Maven Central has, each as people take it: its versions go first.
     * A build tries two; {@code -Dframeworks=REGEX}, which a dot is, those whose names have it.
     */
    static Stream<Arguments> frameworks() {
        List<Arguments> all = List.of(
                framework("org.springframework.boot:spring-boot-dependencies:3.5.0", false, JACKSON_2),
                framework("org.springframework.boot:spring-boot-starter-parent:4.0.0", true, JACKSON_3),
                framework("org.springframework.boot:spring-boot-starter-parent:3.5.0", true, JACKSON_2),
                framework("org.springframework.boot:spring-boot-dependencies:4.0.0", false, JACKSON_3),
                framework("org.springframework.boot:spring-boot-dependencies:3.3.0", false, JACKSON_2),
                framework("org.springframework.boot:spring-boot-starter-parent:3.3.0", true, JACKSON_2),
                framework("org.springframework.boot:spring-boot-dependencies:3.4.0", false, JACKSON_2),
                framework("org.springframework.boot:spring-boot-starter-parent:3.4.0", true, JACKSON_2),
                framework("io.quarkus.platform:quarkus-bom:3.0.1.Final", false, JACKSON_2),
                framework("io.micronaut.platform:micronaut-platform:4.0.0", false, JACKSON_2),
                framework("io.micronaut.platform:micronaut-parent:4.0.0", true, JACKSON_2));
        String wanted = System.getProperty("frameworks");
        return wanted == null
                ? all.stream().limit(2)
                : all.stream().filter(each -> Pattern.compile(wanted)
                        .matcher(String.valueOf(each.get()[0]))
                        .find());
    }

    /** A recipe in YAML, a WebP and a tar: what else needs somebody's jar. */
    private static final String OTHER_JARS = """
            var recipe = dev.thinkingvit.train.Recipe.DEFAULT;
            String yaml = dev.thinkingvit.train.RecipeFile.text(recipe);
            System.out.println(dev.thinkingvit.train.RecipeFile.ofText(yaml).equals(recipe));
            System.out.println(dev.thinkingvit.picture.PictureDecoder.decode(
                    Path.of("thinkingvit-core/src/test/resources/reference/preprocess/images/webp.webp")));
            for (var each : dev.thinkingvit.data.ImageFolder.open(Path.of("TAR")).samples()) {
                System.out.println("in a tar: " + dev.thinkingvit.picture.PictureDecoder.decode(each.path()));
            }
            """;

    /** With a name that is too long for the header, so that there is an extended one. */
    private static Path tar() throws IOException {
        byte[] picture = Files.readAllBytes(ROOT.resolve("samples/cat-0777.jpg"));
        Path tar = Files.createTempFile("pictures", ".tar");
        tar.toFile().deleteOnExit();
        try (TarArchiveOutputStream out = new TarArchiveOutputStream(Files.newOutputStream(tar))) {
            out.setLongFileMode(TarArchiveOutputStream.LONGFILE_POSIX);
            TarArchiveEntry entry = new TarArchiveEntry("cat/" + "long-".repeat(30) + "kätzchen.jpg");
            entry.setSize(picture.length);
            out.putArchiveEntry(entry);
            out.write(picture);
            out.closeArchiveEntry();
        }
        return tar;
    }

    private static final String JACKSON_2 = "com.fasterxml.jackson.core:jackson-databind";
    private static final String JACKSON_3 = "tools.jackson.core:jackson-databind";

    private static Arguments framework(String artifact, boolean parent, String jackson) {
        return Arguments.arguments(artifact, parent, jackson);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("frameworks")
    void aFrameworksVersionsDoNotMatter(String framework, boolean parent, String jackson) throws Exception {
        String[] id = framework.split(":", -1);
        String coordinates =
                "<groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version>".formatted((Object[]) id);
        String versions = parent
                ? "<parent>" + coordinates + "<relativePath/></parent>"
                : "<dependencyManagement><dependencies><dependency>" + coordinates
                        + "<type>pom</type><scope>import</scope></dependency></dependencies></dependencyManagement>";
        String[] databind = jackson.split(":", -1);
        String readme = Files.readString(ROOT.resolve("README.md"));
        // what the program itself reads JSON with is the framework's; a WebP, a TIFF and a YAML file need the other
        // jars
        String program =
                """
                Object theirs = new %s.ObjectMapper().readTree("[1]");
                System.out.println(theirs);
                """.formatted(jackson.equals(JACKSON_2) ? "com.fasterxml.jackson.databind" : "tools.jackson.databind")
                        + block(readme, "java", "classify(Path")
                        + OTHER_JARS.replace("TAR", tar().toString());
        project.write(
                "in-" + id[1] + "-" + id[2],
                versions
                        + "<dependencies>" + block(readme, "xml", "thinkingvit-platform")
                        + "<dependency><groupId>%s</groupId><artifactId>%s</artifactId></dependency></dependencies>"
                                .formatted((Object[]) databind),
                program);
        try {
            project.maven("validate");
        } catch (AssertionError e) {
            assumeFalse(
                    String.valueOf(e.getMessage()).matches("(?s).*(offline|Unknown host|Connect|transfer).*"),
                    "Maven Central cannot be reached for " + framework);
            throw e;
        }
        String classPath = project.compile("-Djavacpp.platform=" + PLATFORM);
        assertThat(alike(project.run(classPath)).lines())
                .containsSubsequence("[1]", "cat (88 %) after stage 2", "true")
                .anyMatch(line -> line.startsWith("in a tar: Picture["));
    }

    /** A processor that is fastest in eight bits or BF16 computes in them, and its certainty is a percent beside F32's. */
    private static String alike(String output) {
        return output.replaceAll("cat \\(8[79] %\\)", "cat (88 %)");
    }

    @Test
    void aModularProgramRuns() throws Exception {
        String readme = Files.readString(ROOT.resolve("README.md"));
        project.write("modular", block(readme, "xml", "thinkingvit-platform"), block(readme, "java", "classify(Path"));
        project.module("module first { requires dev.thinkingvit.core; requires java.desktop; }");
        String modulePath = project.compile("-Djavacpp.platform=" + PLATFORM);
        assertThat(alike(project.runModule(modulePath))).contains("cat (88 %) after stage 2");
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
