package dev.thinkingvit.app.docs;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Makes a program of lines of Java that a page shows. */
final class JavaSnippet {
    private static final Path LIBRARY = Page.HOME.resolve("thinkingvit-core/src/main/java");

    private JavaSnippet() {}

    /** A file that {@code java} runs: a whole class as it is, statements in a main, with the imports that they need. */
    static String program(List<String> lines) {
        List<String> imports = new ArrayList<>();
        List<String> body = new ArrayList<>();
        for (String line : lines) {
            // a page may name them in passing, on one line
            String statement = line.replaceFirst("^// (?=import )", "");
            (statement.startsWith("import ") ? imports : body).add(statement);
        }
        imports.add("import java.io.*;");
        imports.add("import java.util.*;");
        imports.add("import java.nio.file.*;");
        try (Stream<Path> files = Files.walk(LIBRARY)) {
            files.filter(file -> file.endsWith("package-info.java"))
                    .map(file -> LIBRARY.relativize(file.getParent()).toString().replace('/', '.'))
                    .sorted()
                    .forEach(name -> imports.add("import " + name + ".*;"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        String text = String.join("\n", body);
        boolean whole = text.contains("static void main(");
        return String.join("\n", imports) + "\n"
                + (whole
                        ? text
                        : "class Snippet {\n    public static void main(String[] args) throws Exception {\n" + text
                                + "\n    }\n}")
                + "\n";
    }
}
