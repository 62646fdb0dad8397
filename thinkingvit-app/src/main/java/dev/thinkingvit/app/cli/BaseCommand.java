package dev.thinkingvit.app.cli;

import dev.thinkingvit.data.PictureFiles;
import dev.thinkingvit.files.Printable;
import dev.thinkingvit.files.Secrets;
import dev.thinkingvit.store.ModelDirectory;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** What every command has. */
abstract class BaseCommand implements Callable<Integer> {
    /** Of an option that has its value attached, and timm's word for a folder. */
    private static final Pattern BEFORE_A_PATH = Pattern.compile("(?:--[^=/]*=|-[A-Za-z]=?)?(?:local-dir:)?");

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "Show this help.")
    @SuppressWarnings("unused") // picocli acts on it
    private boolean help;

    @Option(
            names = {"-v", "--verbose"},
            description = "Show where an error came from.")
    boolean verbose;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    CommandSpec spec;

    /** Results. */
    final PrintWriter out() {
        return spec.commandLine().getOut();
    }

    /** Progress and remarks. */
    final PrintWriter err() {
        return spec.commandLine().getErr();
    }

    /**
     * The pictures of a command line; says what is passed over.
     *
     * @throws ParameterException if a model is among them
     */
    final PictureFiles pictures(List<Path> filesOrFolders) throws IOException {
        for (Path path : filesOrFolders) {
            if (Files.isRegularFile(path.resolve(ModelDirectory.CONFIG))
                    && Files.isRegularFile(path.resolve(ModelDirectory.WEIGHTS))) {
                throw usage(path + ": is a model, and pictures are expected here; --model takes models");
            }
        }
        PictureFiles found = PictureFiles.find(filesOrFolders);
        found.remarks().forEach(line -> err().println(Printable.of(line)));
        return found;
    }

    /** A command line that contradicts itself. */
    final ParameterException usage(String message) {
        return new ParameterException(spec.commandLine(), message);
    }

    /** The command line, as a model's provenance or a run's record keep it: without secrets, and what is this machine's alone. */
    static String typed(CommandSpec spec) {
        return spec.commandLine().getParent().getParseResult().expandedArgs().stream()
                .map(BaseCommand::withoutMachinesFolders)
                .map(Secrets::blot)
                .collect(Collectors.joining(" ", "thinkingvit ", ""));
    }

    /** A model travels; where things lay on the machine that trained it is nobody's business. */
    static String withoutMachinesFolders(String argument) {
        Matcher before = BEFORE_A_PATH.matcher(argument);
        int start = before.lookingAt() ? before.end() : 0;
        String value = argument.substring(start);
        Path path = Path.of(value);
        int names = path.getNameCount();
        if (!path.isAbsolute() || names == 0) {
            return argument;
        }
        return argument.substring(0, start) + path.subpath(Math.max(0, names - 2), names);
    }
}
