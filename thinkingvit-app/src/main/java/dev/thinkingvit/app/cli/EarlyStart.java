package dev.thinkingvit.app.cli;

import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.tensor.Natives;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Set;
import java.util.stream.Stream;
import javax.imageio.ImageIO;

/**
 * What a short command will need and takes a tenth of a second or more to begin, begun beside the reading of its command
 * line: a command line that turns out wrong has begun it in vain.
 */
final class EarlyStart {
    /** These write no pictures, or by streams of their own, and read them without ImageIO's. */
    private static final Set<String> WITHOUT_STREAMS =
            Set.of("classify", "embed", "info", "convert", "average", "export", "help");

    private static final Set<String> COMPUTING = Set.of("classify", "embed", "segment");

    private EarlyStart() {}

    /** @param args of the program */
    static void begin(String... args) {
        String command = args.length == 0 ? "help" : args[0];
        if (WITHOUT_STREAMS.contains(command)) {
            Thread pictures = new Thread(null, EarlyStart::tryToKeepNoFiles, "pictures", 0, false);
            pictures.setDaemon(true);
            pictures.start();
        } else {
            keepNoFiles();
        }
        if (COMPUTING.contains(command) && computesHere(args)) {
            Natives.begin();
        }
    }

    private static void tryToKeepNoFiles() {
        try {
            keepNoFiles();
        } catch (RuntimeException | LinkageError e) {
            // a Java without pictures: who reads one says so
        }
    }

    /** A cache on disk is slower than memory, and its hook cannot be set once the program is told to end. */
    private static void keepNoFiles() {
        ImageIO.setUseCache(false);
    }

    /** Whether it is plain that natives will be asked for; else who needs them begins them. */
    private static boolean computesHere(String... args) {
        if (args.length == 1
                || Stream.of("-h", "--help", "--backend", "--device").anyMatch(each -> has(each, args))) {
            return false;
        }
        return Stream.of("-m", "--model").noneMatch(each -> has(each, args)) || namesAModel(args);
    }

    private static boolean has(String option, String... args) {
        return Arrays.stream(args).anyMatch(each -> each.equals(option) || each.startsWith(option + "="));
    }

    private static boolean namesAModel(String... args) {
        for (int i = 1; i < args.length; i++) {
            String name = args[i].startsWith("--model=") ? args[i].substring("--model=".length()) : args[i];
            boolean named = !name.equals(args[i]) || args[i - 1].equals("--model") || args[i - 1].equals("-m");
            try {
                if (named && Files.isRegularFile(Path.of(name).resolve(ModelDirectory.CONFIG))) {
                    return true;
                }
            } catch (InvalidPathException e) {
                return false;
            }
        }
        return false;
    }

    /** Waits for libraries that are still being loaded, in the middle of which a process must not end. */
    static void settle() {
        Natives.settleBegun();
    }
}
