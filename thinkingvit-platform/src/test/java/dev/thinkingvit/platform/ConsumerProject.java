package dev.thinkingvit.platform;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * Somebody's Maven project with a local repository of its own, in which our artifacts lie as {@code install} puts them.
 * All else comes from what the build around this test has fetched already, and what is not there from Maven Central.
 */
final class ConsumerProject {
    static final String DEPENDENCY_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1";

    private static final String JAVA =
            Path.of(System.getProperty("java.home"), "bin", "java").toString();

    private static final String BUILD = System.getProperty("build.folder", "target");

    private static final String POM = """
            <project xmlns="http://maven.apache.org/POM/4.0.0">
              <modelVersion>4.0.0</modelVersion>
              <groupId>somebody</groupId>
              <artifactId>first</artifactId>
              <version>1</version>
              <properties>
                <maven.compiler.release>17</maven.compiler.release>
                <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
              </properties>
              DEPENDENCIES
              <build><plugins>
                <plugin><artifactId>maven-compiler-plugin</artifactId><version>3.14.0</version></plugin>
                <plugin><artifactId>maven-resources-plugin</artifactId><version>3.3.1</version></plugin>
              </plugins></build>
            </project>
            """;

    private static final String SETTINGS = """
            <settings><profiles><profile>
              <id>fetched</id>
              <activation><activeByDefault>true</activeByDefault></activation>
              <repositories>
                <repository><id>fetched</id><url>FETCHED</url><snapshots><enabled>false</enabled></snapshots></repository>
              </repositories>
              <pluginRepositories>
                <pluginRepository><id>fetched</id><url>FETCHED</url></pluginRepository>
              </pluginRepositories>
            </profile></profiles></settings>
            """;

    private static final String PROGRAM = """
            import dev.thinkingvit.inference.*;
            import java.awt.image.BufferedImage;
            import java.nio.file.*;
            import java.util.*;
            import javax.imageio.ImageIO;

            public class First {
                public static void main(String... arguments) throws Exception {
                    STATEMENTS
                }
            }
            """;

    private final Path root;
    private final Path maven;
    private final Path work;
    private final Path repository;
    private final Path settings;
    private Path project;

    /**
     * @param root of the sources that are tested; programs run in it
     * @param mavenHome of the Maven that builds
     * @param fetched its local repository
     */
    ConsumerProject(Path root, Path mavenHome, Path fetched) throws IOException {
        this.root = root;
        boolean windows =
                System.getProperty("os.name", "").toLowerCase(Locale.ROOT).startsWith("windows");
        this.maven = mavenHome.resolve("bin").resolve(windows ? "mvn.cmd" : "mvn");
        this.work = Path.of(BUILD, "it").toAbsolutePath();
        this.project = work;
        if (Files.exists(work)) {
            try (Stream<Path> old = Files.walk(work)) {
                for (Path each : old.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(each);
                }
            }
        }
        this.repository = Files.createDirectories(work.resolve("repository"));
        this.settings = Files.writeString(
                work.resolve("settings.xml"),
                SETTINGS.replace("FETCHED", fetched.toUri().toString()));
    }

    /** Puts a module's pom and, where it has one, its jar into the repository. */
    void publish(String artifact, String folder) throws IOException {
        String version = System.getProperty("project.version", "");
        Path target = Files.createDirectories(
                repository.resolve("dev/thinkingvit").resolve(artifact).resolve(version));
        String name = artifact + "-" + version;
        Path module = root.resolve(folder);
        Path reduced = module.resolve(BUILD).resolve("reduced-pom.xml"); // of a jar that brings dependencies along
        Files.copy(Files.exists(reduced) ? reduced : module.resolve("pom.xml"), target.resolve(name + ".pom"));
        Path jar = module.resolve(BUILD).resolve(name + ".jar");
        if (Files.exists(jar)) {
            Files.copy(jar, target.resolve(name + ".jar"));
        }
    }

    /**
     * Begins a project.
     *
     * @param dependencies of its pom: dependencies, or whole sections
     * @param statements of its program
     */
    void write(String name, String dependencies, String statements) throws IOException {
        project = work.resolve(name);
        Files.createDirectories(project.resolve(".mvn")); // else Maven would obey that of the folder around it
        Path sources = Files.createDirectories(project.resolve("src/main/java"));
        String section = dependencies.contains("<dependencies>")
                ? dependencies
                : "<dependencies>" + dependencies + "</dependencies>";
        Files.writeString(project.resolve("pom.xml"), POM.replace("DEPENDENCIES", section));
        Files.writeString(sources.resolve("First.java"), PROGRAM.replace("STATEMENTS", statements));
    }

    /** Makes a module of the project. */
    void module(String declaration) throws IOException {
        Path sources = project.resolve("src/main/java");
        Path in = Files.createDirectories(sources.resolve("first"));
        Path program = sources.resolve("First.java");
        Files.writeString(in.resolve("First.java"), "package first;\n" + Files.readString(program));
        Files.delete(program);
        Files.writeString(sources.resolve("module-info.java"), declaration);
    }

    /** Compiles the project; returns the class path with which it runs. */
    String compile(String... options) throws IOException, InterruptedException {
        List<String> arguments = new ArrayList<>(List.of(options));
        arguments.addAll(List.of("compile", DEPENDENCY_PLUGIN + ":build-classpath", "-Dmdep.outputFile=classpath.txt"));
        maven(arguments.toArray(String[]::new));
        return project.resolve("target/classes")
                + File.pathSeparator
                + Files.readString(project.resolve("classpath.txt"));
    }

    /** Runs Maven in the project; returns what it prints. */
    String maven(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(maven.toString(), "-B", "-ntp", "-s", settings.toString()));
        command.add("-Dmaven.repo.local=" + repository);
        command.addAll(List.of(arguments));
        return output(command, project, false);
    }

    /** Runs the program; returns what it prints. */
    String run(String classPath) throws IOException, InterruptedException {
        return output(program(classPath), root, false);
    }

    /** Runs the module's program; returns what it prints. */
    String runModule(String modulePath) throws IOException, InterruptedException {
        List<String> command = List.of(
                JAVA, "--module-path", modulePath, "--add-modules", "ALL-MODULE-PATH", "-m", "first/first.First");
        return output(command, root, false);
    }

    /** Runs the program, which is to fail; returns what it prints. */
    String fail(String classPath) throws IOException, InterruptedException {
        return output(program(classPath), root, true);
    }

    private static List<String> program(String classPath) {
        return List.of(JAVA, "-cp", classPath, "First");
    }

    private static String output(List<String> command, Path folder, boolean fails)
            throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .start();
        String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if ((process.waitFor() != 0) != fails) {
            throw new AssertionError(String.join(" ", command) + "\n" + printed);
        }
        return printed;
    }
}
