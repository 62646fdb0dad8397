package dev.thinkingvit.app.cli;

import dev.thinkingvit.data.ImageFolder;
import dev.thinkingvit.data.PassedOver;
import dev.thinkingvit.data.Sample;
import dev.thinkingvit.data.SegmentationSet;
import dev.thinkingvit.eval.Recorder;
import dev.thinkingvit.files.Presence;
import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.run.RunFolder;
import dev.thinkingvit.run.RunInventory;
import dev.thinkingvit.run.RunPictures;
import dev.thinkingvit.run.RunPixels;
import dev.thinkingvit.run.UnreadablePictures;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.train.Peers;
import dev.thinkingvit.train.TrainingException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads what a training reads at its start, and compares it with what it began with. */
final class RunReading {
    private final TrainingPlan plan;
    private final Path out;
    private final boolean force;
    private final boolean otherVal;
    private final @Nullable RunPixels pixels;
    private final ImageFolder data;
    private final @Nullable ImageFolder val;
    private List<UnreadablePictures.Entry> unreadable = List.of();

    /**
     * @param out the run's folder
     * @param force whether to go on with what has changed
     * @param otherVal whether another validation set was asked for
     */
    RunReading(TrainingPlan plan, Path out, boolean force, boolean otherVal) throws IOException {
        this.plan = plan;
        this.out = out;
        this.force = force;
        this.otherVal = otherVal;
        String other = plan.record().val();
        Path root = Path.of(plan.record().data());
        if (Files.isDirectory(root) && SegmentationSet.isOne(root)) {
            if (other != null || (plan.record().holdout() > 0 && !plan.goesOn())) {
                throw new TrainingException(root + ": labelled pixels are validated on their own part val, not on "
                        + (other != null ? "--val" : "--holdout"));
            }
            this.pixels = RunPixels.open(root);
            this.data = pixels.training().pictures();
            this.val = pixels.validation().pictures();
            return;
        }
        this.pixels = null;
        this.data = open(plan.record().data(), "--data");
        this.val = other == null ? null : open(other, "--val");
    }

    private ImageFolder open(String folder, String option) throws IOException {
        Path path = Path.of(folder);
        String hint = "; the training in " + out + " reads its pictures there, " + option + " says where they are now";
        if (plan.goesOn() && !Files.exists(path)) {
            throw new IOException(path + ": " + Reasons.ofMissing(path) + hint);
        }
        try {
            return ImageFolder.open(path); // a folder, or a tar
        } catch (IOException e) {
            if (plan.goesOn() && !Files.isDirectory(path)) {
                throw new IOException(Reasons.line(e) + hint, e);
            }
            throw e;
        }
    }

    /**
     * The training's pictures. Process 0 knows what the training began with; the others must read what it reads.
     *
     * @throws TrainingException if something is not as it was
     */
    RunPictures pictures(Peers peers) throws IOException {
        RunPictures mine = null;
        if (peers.rank() == 0) {
            unreadable = plan.goesOn() && RunInventory.read(out).isPresent() ? UnreadablePictures.read(out) : List.of();
            mine = plan.goesOn() ? goOn() : begin();
        }
        byte[] shared =
                peers.share(mine == null ? new byte[0] : mine.inventory().bytes());
        unreadable = UnreadablePictures.of(peers.share(UnreadablePictures.bytes(unreadable)));
        return mine != null ? mine : goOn(RunInventory.of(shared, Path.of(RunInventory.NAME)));
    }

    /** In a process that reads what process 0 reads. */
    private RunPictures goOn(RunInventory shared) throws IOException {
        return pixels != null
                ? pixels.goOn("process 0", shared, unreadable)
                : RunPictures.goOn("process 0", shared, data, val, false, false, unreadable);
    }

    /** What the training had met and could not read before now. */
    List<UnreadablePictures.Entry> unreadable() {
        return unreadable;
    }

    /** What of each data set is no picture of its classes, by the set's folder. */
    Map<Path, PassedOver> passedOver() {
        Map<Path, PassedOver> all = new LinkedHashMap<>();
        all.put(data.root(), data.passedOver());
        if (val != null) {
            all.put(val.root(), val.passedOver());
        }
        return all;
    }

    private RunPictures begin() throws IOException {
        RunPictures pictures = pixels != null ? pixels.begin() : RunPictures.begin(data, val, this::heldOut);
        return with(pictures, RunInventory.sources(plan.record().sources()), List.of());
    }

    private RunPictures goOn() throws IOException {
        List<String> notes = new ArrayList<>();
        RunInventory before = RunInventory.read(out).orElse(null);
        if (before == null) {
            notes.add(
                    "note: " + out + " was begun without an inventory of its pictures; whether they are the same cannot"
                            + " be told, and is kept from here on");
            before = RunPictures.unnoted(classNames(), data, this::heldOut);
        }
        RunPictures pictures = pixels != null
                ? pixels.goOn("the training in " + out, before, unreadable)
                : RunPictures.goOn("the training in " + out, before, data, val, force, otherVal, unreadable);
        if (!unreadable.isEmpty()) {
            notes.add("note: " + unreadable.size()
                    + (unreadable.size() == 1 ? " picture" : " pictures") + " could not be read so far, see "
                    + out.resolve(RunFolder.UNUSED) + "; what could not keeps its place and is tried again");
        }
        Map<String, Path> anew = new HashMap<>(plan.record().sources());
        if (RunFolder.state(out).isPresent()) {
            anew.remove("init"); // the weights have long been others
        }
        Map<String, RunInventory.Source> now = RunInventory.sources(anew);
        List<String> changed = before.changedSources(now);
        if (!changed.isEmpty() && !force) {
            throw new TrainingException(anew.get(changed.get(0)) + ": not what --" + changed.get(0)
                    + " was when the training in " + out
                    + " began; put it back, or --resume --force goes on with what is there");
        }
        changed.forEach(name -> notes.add("forced: --" + name + " is not what it was when the training began"));
        Map<String, RunInventory.Source> sources = new HashMap<>(before.sources());
        sources.putAll(now);
        return with(pictures, sources, notes);
    }

    private static RunPictures with(
            RunPictures pictures, Map<String, RunInventory.Source> sources, List<String> notes) {
        List<String> remarks = new ArrayList<>(notes);
        remarks.addAll(pictures.remarks());
        Map<String, RunInventory.Source> all =
                new HashMap<>(pictures.inventory().sources());
        all.putAll(sources);
        return pictures.with(pictures.inventory().withSources(all), remarks);
    }

    private List<Sample> heldOut(List<Sample> samples) {
        int holdout = plan.record().holdout();
        return holdout == 0 || val != null ? List.of() : Recorder.spread(samples, holdout);
    }

    /** What the model calls its classes; the folders' names before a model was saved. */
    private List<String> classNames() throws IOException {
        Path config = out.resolve("last").resolve(ModelDirectory.CONFIG);
        List<String> labels =
                Presence.of(config) ? ModelDirectory.readConfig(config).labels() : List.of();
        return labels.isEmpty() ? data.folderNames() : labels;
    }
}
