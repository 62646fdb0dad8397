package dev.thinkingvit.app.cli;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.stream.Stream;

/** One command line, run within the test, and what came of it. */
record CommandRun(int code, String out, String err) {
    /** The recorded models and pictures, which the library's tests own. */
    static final Path REFERENCE = Path.of("../thinkingvit-core/src/test/resources/reference");

    /** Runs a command line; arguments may be paths or numbers. */
    static CommandRun of(Object... arguments) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        String[] args = Stream.of(arguments).map(String::valueOf).toArray(String[]::new);
        int code = Main.run(new PrintWriter(out, true), new PrintWriter(err, true), args);
        return new CommandRun(code, out.toString(), err.toString());
    }
}
