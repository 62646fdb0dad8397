package dev.thinkingvit.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.io.FileInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.dataformat.yaml.YAMLMapper;

@NullUnmarked // JUnit sets the folder
class ReasonsTest {
    @TempDir
    private Path folder;

    static Stream<Arguments> fileSystemExceptions() {
        return Stream.of(
                arguments(new NoSuchFileException("a.jpg"), "a.jpg: no such file or folder"),
                arguments(
                        new NoSuchFileException("a.jpg", null, "its folder does not exist"),
                        "a.jpg: its folder does not exist"),
                arguments(new AccessDeniedException("a.jpg"), "a.jpg: permission denied"),
                arguments(new FileAlreadyExistsException("a.jpg"), "a.jpg: is in the way"),
                arguments(new NotDirectoryException("a.jpg"), "a.jpg: is no folder"),
                arguments(new DirectoryNotEmptyException("a"), "a: the folder is not empty"),
                arguments(new FileSystemLoopException("a"), "a: its links lead round in a circle"),
                arguments(new FileSystemException("a", null, "Read-only file system"), "a: read-only file system"),
                arguments(new FileSystemException("a", null, "No space left on device"), "a: no space left on device"),
                arguments(
                        new FileSystemException("a", "b", "Invalid cross-device link"),
                        "a → b: invalid cross-device link"),
                arguments(
                        new FileSystemException("a", null, "Too many open files"),
                        "a: too many open files; 'ulimit -n' says how many are allowed, and raises it"),
                arguments(new FileSystemException("a", null, "Is a directory"), "a: is a folder, a file is needed"),
                arguments(new FileSystemException("a"), "a: failed (FileSystemException)"),
                arguments(new MalformedInputException(1), "is not text in UTF-8"),
                arguments(new UncheckedIOException(new AccessDeniedException("a")), "a: permission denied"),
                arguments(new ExecutionException(new AccessDeniedException("a")), "a: permission denied"),
                arguments(new IOException("our own words"), "our own words"));
    }

    @ParameterizedTest
    @MethodSource("fileSystemExceptions")
    void everyFileSystemExceptionHasWords(Exception e, String line) {
        assertThat(Reasons.line(e)).isEqualTo(line);
    }

    @Test
    void whatTheSystemReallyThrowsHasWords() throws IOException {
        Path file = Files.writeString(folder.resolve("a.txt"), "text");
        assertThat(lineOf(() -> new FileInputStream(folder.toFile()).close()))
                .isEqualTo(folder + ": is a folder, a file is needed");
        assertThat(lineOf(() -> new FileInputStream("/no/such (thing)").close()))
                .isEqualTo("/no/such (thing): no such file or directory");
        assertThat(lineOf(() -> Files.readString(file.resolve("b"))))
                .isEqualTo(file.resolve("b") + ": a part of its path is a file, not a folder");
        assertThat(lineOf(() -> Files.readString(folder.resolve("a".repeat(300)))))
                .endsWith("a: file name too long");
        Path loop = Files.createSymbolicLink(folder.resolve("loop"), Path.of("loop"));
        assertThat(lineOf(() -> Files.readString(loop))).isEqualTo(loop + ": its links lead round in a circle");
        assertThat(lineOf(() -> Files.delete(Path.of("a\0b"))))
                .isEqualTo("'a\\u0000b' cannot be a file's name: nul character not allowed");
    }

    @Test
    void aLineBreakInANameDoesNotHideTheReason() {
        assertThat(Reasons.line(new NoSuchFileException("nl\nx.jpg"))).isEqualTo("nl\\nx.jpg: no such file or folder");
        assertThat(Reasons.line(new IOException("nl\nx.jpg: our own words"))).isEqualTo("nl\\nx.jpg: our own words");
        Exception foreign = new IllegalStateException("first\nat native code");
        foreign.setStackTrace(new StackTraceElement[0]);
        assertThat(Reasons.of(foreign)).isEqualTo("first");
    }

    @Test
    void whatCannotBeSeenIsNotAlwaysMissing() throws IOException {
        assertThat(Reasons.ofMissing(folder.resolve("none"))).isEqualTo("no such file or folder");
        Path loop = Files.createSymbolicLink(folder.resolve("loop"), Path.of("loop"));
        assertThat(Reasons.ofMissing(loop)).isEqualTo("its links lead round in a circle");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            {"a": NaN}              | NaN is no number of JSON's; null stands for one that is not there (line 1, column 10)
            {"a": -Infinity}        | -Infinity is no number of JSON's
            {"a": [1, 2             | the text ends before all brackets and quotes are closed (line 1
            {"a": 1, "a": 2}        | Duplicate Object property "a" (line 1, column 13)
            {"whole": 1} x          | (line 1, column
            {"whole": "x"}          | whole: a whole number is needed, 'x' came
            {"list": 1}             | list: a list is needed, something else came
            {"text": {}}            | text: text is needed
            {"list": ["x"]}         | list[0]: a number is needed, 'x' came
            {"map": []}             | map: an object with keys is needed
            {"whole": 99999999999}  | whole: the number is out of range
            {"nope": 1}             | nope: the key is unknown; known are
            []                      | an object with keys is needed
            """)
    void jsonIsCriticisedInWordsOfTheReaders(String json, String words) {
        JsonMapper mapper = JsonMapper.builder()
                .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
                .build();
        String reason = Reasons.of(catchThrowable(() -> mapper.readValue(json, Values.class)));
        assertThat(reason).contains(words).doesNotContain("`", "java", "Jackson", "Feature");
    }

    private record Values(int whole, String text, List<Double> list, Map<String, Double> map) {}

    @Test
    void yamlIsCriticisedInOneLine() {
        assertThat(Reasons.of(catchThrowable(() -> new YAMLMapper().readTree("a: 1\nb:\n\t- c"))))
                .startsWith("while scanning for the next token, found character '\\t(TAB)'")
                .endsWith("(line 3)");
    }

    @Test
    void anErrorInTheProgramSaysSo() {
        assertThat(Reasons.line(new NullPointerException("x is null")))
                .isEqualTo("an error in the program itself, please report it with what --verbose shows:"
                        + " NullPointerException: x is null");
        assertThat(Reasons.line(catchThrowable(() -> Integer.parseInt("x")))).contains("NumberFormatException");
        assertThat(Reasons.line(catchThrowable(() -> List.of(1).get(3)))).contains("in the program itself");
        assertThat(Reasons.line(new IllegalArgumentException("thrown by this library's package")))
                .isEqualTo("thrown by this library's package");
    }

    @Test
    void textThatIsNoNumberIsQuoted() {
        assertThat(Reasons.of(catchThrowable(() -> Integer.parseInt("7x")))).isEqualTo("'7x' is no number");
        assertThat(Reasons.of(catchThrowable(() -> Double.parseDouble("")))).isEqualTo("a number is needed");
    }

    private static String lineOf(Work work) {
        return Reasons.line(catchThrowable(work::run));
    }

    private interface Work {
        void run() throws IOException;
    }
}
