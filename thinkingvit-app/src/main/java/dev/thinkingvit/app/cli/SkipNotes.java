package dev.thinkingvit.app.cli;

import dev.thinkingvit.data.BatchLoader;
import dev.thinkingvit.data.PassedOver;
import dev.thinkingvit.data.Sample;
import dev.thinkingvit.distributed.ProcessGroup;
import dev.thinkingvit.files.AtomicFiles;
import dev.thinkingvit.files.Printable;
import dev.thinkingvit.run.RunFolder;
import dev.thinkingvit.run.RunPictures;
import dev.thinkingvit.run.UnreadablePictures;
import dev.thinkingvit.train.Share;
import dev.thinkingvit.train.TrainerState;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Names each picture that cannot be used once, and writes down what of the data is not used. */
final class SkipNotes {
    private static final int ALWAYS_WRITTEN = 1000;
    private static final long NANOS_BETWEEN = 1_000_000_000L;

    private final PrintWriter err;
    private final Map<Path, PassedOver> passedOver;
    private final UnreadablePictures pictures;
    private boolean changed;
    private long writtenAt;

    /**
     * @param known what the training had met before it was interrupted
     * @param passedOver what of each data set is no picture of its classes, by the set's folder
     */
    SkipNotes(
            PrintWriter err,
            RunPictures pictures,
            Share most,
            List<UnreadablePictures.Entry> known,
            Map<Path, PassedOver> passedOver) {
        this.err = err;
        this.passedOver = passedOver;
        this.pictures = new UnreadablePictures(pictures, most, known, this::say);
    }

    private void say(String line) {
        changed = true;
        err.println(Printable.of(line));
    }

    /** The list of them. */
    UnreadablePictures pictures() {
        return pictures;
    }

    /**
     * Takes down what all processes could and could not read of the validation; all take part.
     *
     * @throws dev.thinkingvit.run.UnreadableException in all of them, if that is too much
     */
    void judged(List<BatchLoader.Failure> failures, List<Sample> read, @Nullable ProcessGroup group) {
        byte[] mine = pictures.met(UnreadablePictures.Use.VALIDATION, failures, read);
        pictures.told(group == null ? new byte[][] {mine} : group.gather(mine));
    }

    /** Writes what is new into a run's folder, soon if not at once: a list may be long. */
    void keepUp(Path run, TrainerState.Missed missed) throws IOException {
        if (changed && (pictures.entries().size() < ALWAYS_WRITTEN || System.nanoTime() - writtenAt > NANOS_BETWEEN)) {
            write(run, missed);
        }
    }

    /** Writes what of the data is not used into a run's folder. */
    void write(Path run, TrainerState.Missed missed) throws IOException {
        ObjectNode root = JsonNodeFactory.instance.objectNode();
        ArrayNode sets = root.putArray("data");
        passedOver.forEach((folder, others) ->
                DataOptions.putPassedOver(sets.addObject().put("folder", folder.toString()), others));
        root.put("skipped", pictures.entries().size());
        root.put("updates_passed_over", missed.totalUpdates());
        pictures.json().forEach(root::putPOJO);
        String json =
                JsonMapper.builder().build().writerWithDefaultPrettyPrinter().writeValueAsString(root);
        AtomicFiles.writeString(run.resolve(RunFolder.UNUSED), json + "\n");
        changed = false;
        writtenAt = System.nanoTime();
    }

    /** Says at a training's end what was left out in all. */
    void sum(Path run, TrainerState.Missed missed) {
        String words = pictures.inWords(missed.totalUpdates());
        if (!words.isEmpty()) {
            err.println(words + "; " + run.resolve(RunFolder.UNUSED) + " has the list");
        }
    }
}
