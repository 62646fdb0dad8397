package dev.thinkingvit.app.cli;

import dev.thinkingvit.files.FileNames;
import dev.thinkingvit.files.Printable;
import dev.thinkingvit.files.ProcessExit;
import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.files.Secrets;
import dev.thinkingvit.files.ShutdownException;
import dev.thinkingvit.files.StandardOutput;
import dev.thinkingvit.store.HubException;
import dev.thinkingvit.store.HubModel;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import javax.imageio.ImageIO;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** The program: finds the command, and turns whatever goes wrong into one line and an exit code. */
@Command(
        name = "thinkingvit",
        description = "Elastic Vision Transformers: one set of weights that thinks in stages.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        synopsisSubcommandLabel = "COMMAND",
        footer = {
            "",
            "Examples:",
            "  thinkingvit classify samples",
            "  thinkingvit evaluate --data cifar10/test --report report",
            "  thinkingvit help classify"
        })
public final class Main implements Runnable {
    /** Something about the input or the machine was wrong. */
    static final int FAILED = 1;

    /** The command line was wrong. */
    static final int USAGE = 2;

    /** Told to stop, and stopped in good order; what a shell reports of a program that SIGINT ended. */
    static final int INTERRUPTED = 130;

    /** What timm writes before a model's folder. */
    private static final String LOCAL_FOLDER = "local-dir:";

    private static final Pattern ADDRESS = Pattern.compile("[A-Za-z][A-Za-z0-9+.-]*://");

    private static final String HELP = "help";
    private static final Set<String> WITHOUT_PICTURES = Set.of(HELP, "info", "convert", "average");
    private static final Set<String> WITHOUT_STREAMS = Set.of("classify", "embed");
    private static final Map<String, Supplier<Object>> COMMANDS = commands();

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private CommandSpec spec;

    private Main() {}

    /** By name, in the order in which help names them. */
    private static Map<String, Supplier<Object>> commands() {
        Map<String, Supplier<Object>> all = new LinkedHashMap<>();
        all.put("classify", ClassifyCommand::new);
        all.put("segment", SegmentCommand::new);
        all.put("embed", EmbedCommand::new);
        all.put("evaluate", EvaluateCommand::new);
        all.put("calibrate", CalibrateCommand::new);
        all.put("info", InfoCommand::new);
        all.put("train", TrainCommand::new);
        all.put("convert", ConvertCommand::new);
        all.put("average", AverageCommand::new);
        all.put("export", ExportCommand::new);
        all.put("preprocess", PreprocessCommand::new);
        all.put("verify", VerifyCommand::new);
        all.put("bench", BenchCommand::new);
        all.put(HELP, HelpCommand::new);
        return Collections.unmodifiableMap(all);
    }

    public static void main(String[] args) {
        // Pictures need no screen, and numbers print alike everywhere.
        System.setProperty("java.awt.headless", "true");
        Locale.setDefault(Locale.ROOT);
        keepNoFiles(args);
        int code = run(args);
        Interruption.exits(code);
        System.exit(code);
    }

    /**
     * Has ImageIO's streams keep nothing on disk, which is slower than memory, and whose hook cannot be set once the program
     * is told to end. To begin ImageIO takes a tenth of a second: it is not where no pictures are, and is beside the command
     * line where it is not these streams that they come and go by.
     */
    private static void keepNoFiles(String... args) {
        String command = args.length == 0 ? HELP : args[0];
        if (WITHOUT_PICTURES.contains(command)) {
            return;
        }
        if (!WITHOUT_STREAMS.contains(command)) {
            ImageIO.setUseCache(false);
            return;
        }
        Thread beside = new Thread(null, () -> ImageIO.setUseCache(false), "pictures", 0, false);
        beside.setDaemon(true);
        beside.setUncaughtExceptionHandler((thread, e) -> {}); // a Java without pictures: who reads one says so
        beside.start();
    }

    /** Runs a command line and returns its exit code. */
    static int run(String... args) {
        return run(StandardOutput.out(), Progress.beside(StandardOutput.err()), args);
    }

    /** As {@link #run(String...)}, printing elsewhere. */
    static int run(PrintWriter out, PrintWriter err, String... args) {
        return run(commandLine(args).setOut(out).setErr(err), args);
    }

    /**
     * All commands; where the arguments begin with one that needs to know no other, it alone: describing all of them takes a
     * quarter of a short command's time.
     */
    static CommandLine commandLine(String... args) {
        CommandLine line = new CommandLine(new Main());
        String first = args.length == 0 ? "" : args[0];
        Supplier<Object> only = COMMANDS.get(first);
        if (only == null || first.equals(HELP)) {
            COMMANDS.forEach((name, command) -> line.addSubcommand(name, new CommandLine(command.get())));
        } else {
            line.addSubcommand(first, new CommandLine(only.get()));
        }
        return line;
    }

    private static int run(CommandLine line, String... args) {
        line.setCaseInsensitiveEnumValuesAllowed(true);
        line.setUsageHelpAutoWidth(true);
        line.registerConverter(Path.class, Main::path);
        line.setExecutionStrategy(parsed -> {
            requireOnce(parsed);
            return new CommandLine.RunLast().execute(parsed);
        });
        line.setExecutionExceptionHandler((e, command, parsed) -> {
            if (e instanceof TypeConversionException) { // values of options that make sense only together
                return refused(command, e);
            }
            if (ProcessExit.isExiting()
                    || e instanceof ShutdownException) { // told to, before it was done: no failure of its own
                return INTERRUPTED;
            }
            Failure.print(command.getErr(), e, Failure.isVerbose(command));
            return FAILED;
        });
        line.setParameterExceptionHandler((e, arguments) -> {
            CommandLine command = e.getCommandLine();
            if (e.getCause() instanceof HubException refused) {
                Failure.print(command.getErr(), refused, Failure.isVerbose(command));
                return FAILED;
            }
            return refused(command, e);
        });
        PrintWriter err = line.getErr();
        try {
            requireReadable(args);
            int code = line.execute(args);
            line.getOut().flush();
            return code;
        } catch (StandardOutput.Lost e) {
            if (e.nobodyReads()) {
                return StandardOutput.NOBODY_READS;
            }
            Failure.print(err, e, false);
            return FAILED;
        } catch (IllegalArgumentException | OutOfMemoryError | StackOverflowError | LinkageError e) {
            Failure.print(err, e, false);
            return FAILED;
        }
    }

    /** Says what is wrong with a command line. */
    private static int refused(CommandLine command, Exception e) {
        String words =
                e instanceof ParameterException wrong ? HelpCommand.words(wrong) : String.valueOf(e.getMessage());
        command.getErr().println("thinkingvit: " + Printable.of(Secrets.blot(words)));
        if (e instanceof ParameterException unmatched) {
            CommandLine.UnmatchedArgumentException.printSuggestions(unmatched, command.getErr());
        }
        command.getErr().println("Try 'thinkingvit help" + suffix(command) + "'.");
        return USAGE;
    }

    /** picocli refuses a second value of most options, but not of those in groups or with several values. */
    private static void requireOnce(CommandLine.ParseResult parsed) {
        Set<CommandLine.Model.OptionSpec> seen = new HashSet<>();
        for (CommandLine.Model.OptionSpec option : parsed.matchedOptions()) {
            if (!seen.add(option)) {
                throw new ParameterException(
                        parsed.commandSpec().commandLine(),
                        "option '" + option.longestName() + "' (" + option.paramLabel()
                                + ") should be specified only once");
            }
        }
        parsed.subcommands().forEach(Main::requireOnce);
    }

    /** What a Java in a locale of few characters made of the others. */
    private static void requireReadable(String... args) {
        for (String argument : args) {
            if (!FileNames.isUnicode() && isLossy(argument)) {
                throw new IllegalArgumentException("'" + argument + "': " + FileNames.howToRead());
            }
        }
    }

    /** Each byte of a character may have become a question mark, and UTF-8 has at least two. */
    private static boolean isLossy(String argument) {
        return argument.chars().anyMatch(c -> c > 0x7F)
                || (argument.contains("??") && !Files.exists(Path.of(argument)));
    }

    private static Path path(String text) {
        if (HubModel.isName(text)) {
            return HubModels.fetch(text);
        }
        if (text.startsWith(LOCAL_FOLDER)) {
            return path(text.substring(LOCAL_FOLDER.length()));
        }
        if (ADDRESS.matcher(text).lookingAt()) {
            throw new TypeConversionException("'" + text + "' is an address; a file or a folder is required"
                    + ", or a model on a hub, named " + HubModel.PREFIX + "owner/name");
        }
        if (text.isBlank()) {
            // Java takes it for the working folder
            throw new TypeConversionException("'" + text + "' names no file or folder");
        }
        try {
            return Path.of(text);
        } catch (InvalidPathException e) {
            throw new TypeConversionException(Reasons.of(e));
        }
    }

    private static String suffix(CommandLine command) {
        return command.getParent() == null ? "" : " " + command.getCommandName();
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "a command is required");
    }
}
