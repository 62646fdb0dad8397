package dev.thinkingvit.run;

import dev.thinkingvit.data.ContentCheck;
import dev.thinkingvit.data.ImageFolder;
import dev.thinkingvit.data.Sample;
import dev.thinkingvit.distributed.ProcessGroup;
import dev.thinkingvit.run.RunInventory.OfClass;
import dev.thinkingvit.train.TrainingException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/**
 * A training's pictures, and what is kept with it to know them again.
 *
 * @param classNames of the head's rows, in order
 * @param training what is learnt, labelled by the head's rows
 * @param validation what is judged, labelled likewise; empty for nothing
 * @param inventory of all this
 * @param remarks what people should know, a line each
 * @param data where the training pictures lie, those that were kept back among them
 * @param val where the validation pictures lie; null where they were kept back
 * @param pixels where their pixels are labelled; null for pictures of one class each
 */
public record RunPictures(
        List<String> classNames,
        List<Sample> training,
        List<Sample> validation,
        RunInventory inventory,
        List<String> remarks,
        ImageFolder data,
        @Nullable ImageFolder val,
        @Nullable RunPixels pixels) {
    private static final int NAMED = 5;

    /**
     * What this process judges of the validation pictures: every one of a group's n-th, from its rank on.
     *
     * @param group null for a process alone, which judges them all
     */
    List<Sample> validationShare(@Nullable ProcessGroup group) {
        int rank = group == null ? 0 : group.rank();
        int size = group == null ? 1 : group.size();
        List<Sample> share = new ArrayList<>();
        for (int i = rank; i < validation.size(); i += size) {
            share.add(validation.get(i));
        }
        return share;
    }

    /**
     * Of a training that begins.
     *
     * @param val its validation set, or null
     * @param holdout chooses the training pictures that are kept back for validation; none where there is a set
     * @throws dev.thinkingvit.data.DatasetException if a class has no pictures
     * @throws TrainingException if the validation set has classes that the training pictures lack
     */
    public static RunPictures begin(
            ImageFolder data, @Nullable ImageFolder val, Function<List<Sample>, List<Sample>> holdout)
            throws IOException {
        data.requirePictures();
        List<String> remarks = new ArrayList<>(data.remarks());
        remarks.addAll(data.remarksOnOrder());
        List<String> heldOut =
                holdout.apply(data.samples()).stream().map(data::nameOf).toList();
        RunInventory inventory = new RunInventory(
                RunInventory.classes(data),
                List.of(),
                heldOut,
                val == null ? null : RunInventory.classes(val),
                Map.of(),
                Map.of());
        return of(inventory, data, val, unknown -> false, remarks);
    }

    /**
     * Of a training that goes on: the head's rows keep their classes, and what was kept back stays so.
     *
     * @param run what had the pictures of {@code before}, for messages
     * @param before what the training had so far
     * @param force whether to go on with what is there now. A class whose very pictures lie under another name takes
     *     that name; a new class is left out, since the head has no row for it; a class that is gone learns nothing more
     * @param otherVal whether another validation set is asked for, which then needs no force
     * @param unreadable pictures that the training met and could not read: they keep their places, whatever became of
     *     them, so that it goes on as it would have
     * @throws TrainingException if something changed and is not forced
     */
    public static RunPictures goOn(
            String run,
            RunInventory before,
            ImageFolder dataNow,
            @Nullable ImageFolder valNow,
            boolean force,
            boolean otherVal,
            List<UnreadablePictures.Entry> unreadable)
            throws IOException {
        // pictures that were kept back for validation lie among the training pictures
        Set<String> lostVal = UnreadablePictures.names(unreadable, UnreadablePictures.Use.VALIDATION);
        Set<String> lost = new HashSet<>(UnreadablePictures.names(unreadable, UnreadablePictures.Use.TRAINING));
        if (valNow == null) {
            lost.addAll(lostVal);
        }
        ImageFolder data = dataNow.keeping(lost);
        ImageFolder val = valNow == null ? null : valNow.keeping(lostVal);
        List<OfClass> now = RunInventory.keeping(before.training(), RunInventory.classes(data), lost);
        InventoryChanges changes = InventoryChanges.between(before.training(), now, before.leftOut());
        List<OfClass> beforeVal = before.validation();
        List<OfClass> nowVal = val == null
                ? null
                : RunInventory.keeping(beforeVal == null ? List.of() : beforeVal, RunInventory.classes(val), lostVal);
        InventoryChanges ofVal = beforeVal == null || nowVal == null
                ? InventoryChanges.between(List.of(), List.of(), List.of())
                : InventoryChanges.between(beforeVal, nowVal, List.of());
        if (!force) {
            refuse(run, data, changes);
            if (val != null && !otherVal) {
                refuse(run, val, ofVal);
            }
        }
        List<String> remarks = new ArrayList<>(data.remarks());
        remarks.addAll(consequences(data, changes));
        if (!ofVal.isEmpty() && val != null) {
            remarks.add((otherVal ? "note: " : "forced: ") + val.root() + ": " + ofVal.inWords()
                    + "; accuracies are of other pictures from here on");
        }
        Map<String, OfClass> present = new LinkedHashMap<>();
        now.forEach(each -> present.put(each.name(), each));
        List<OfClass> rows = new ArrayList<>();
        for (OfClass row : before.training()) {
            String name = changes.renamed().getOrDefault(row.name(), row.name());
            rows.add(present.getOrDefault(name, new OfClass(name, Map.of(), Map.of())));
        }
        List<String> leftOut = new ArrayList<>(before.leftOut());
        leftOut.addAll(changes.added());
        List<String> heldOut = before.heldOut().stream()
                .map(picture -> renamed(picture, changes.renamed()))
                .toList();
        RunInventory inventory =
                new RunInventory(rows, leftOut, heldOut, nowVal, otherNames(before, changes, ofVal), before.sources());
        Set<String> knownVal = beforeVal == null
                ? Set.of()
                : beforeVal.stream().map(OfClass::name).collect(Collectors.toSet());
        return of(inventory, data, val, (force ? name -> true : knownVal::contains), remarks);
    }

    /** The same with another inventory and other remarks. */
    public RunPictures with(RunInventory other, List<String> otherRemarks) {
        return new RunPictures(classNames, training, validation, other, otherRemarks, data, val, pixels);
    }

    private ImageFolder folder(UnreadablePictures.Use use) {
        return use == UnreadablePictures.Use.TRAINING || val == null ? data : val;
    }

    /** Name of a picture as {@code class/name}. */
    String nameOf(UnreadablePictures.Use use, Sample sample) {
        return folder(use).nameOf(sample);
    }

    /** Knows a use's pictures again by their size and, where it was noted, their mark. */
    public ContentCheck check(UnreadablePictures.Use use) {
        List<OfClass> noted = use == UnreadablePictures.Use.TRAINING || val == null
                ? inventory.training()
                : Objects.requireNonNullElse(inventory.validation(), List.of());
        Map<String, OfClass> byName = new LinkedHashMap<>();
        noted.forEach(each -> byName.put(each.name(), each));
        return (sample, bytes) -> {
            String name = nameOf(use, sample);
            int slash = name.indexOf('/');
            OfClass of = byName.get(name.substring(0, slash));
            return of == null ? null : of.fault(name.substring(slash + 1), bytes);
        };
    }

    /** A digest of the pictures that are judged: equal ones make scores that compare. */
    public String judgedOn() {
        List<OfClass> noted =
                val == null ? inventory.training() : Objects.requireNonNullElse(inventory.validation(), List.of());
        Map<String, OfClass> byName = new LinkedHashMap<>();
        noted.forEach(each -> byName.put(each.name(), each));
        CRC32 digest = new CRC32();
        long count = 0;
        for (Sample sample : validation) {
            String name = nameOf(UnreadablePictures.Use.VALIDATION, sample);
            int slash = name.indexOf('/');
            OfClass of = byName.get(name.substring(0, slash));
            String line = name + " " + sample.label() + " " + (of == null ? "" : of.noted(name.substring(slash + 1)));
            digest.update((line + "\n").getBytes(StandardCharsets.UTF_8));
            count++;
        }
        return count == 0 ? "" : count + "-" + Long.toHexString(digest.getValue());
    }

    /** What classes are called besides, now that some are called otherwise. */
    private static Map<String, String> otherNames(
            RunInventory before, InventoryChanges changes, InventoryChanges ofVal) {
        Map<String, String> names = new LinkedHashMap<>(before.otherNames());
        names.replaceAll((other, name) -> changes.renamed().getOrDefault(name, name));
        names.putAll(changes.renamed());
        ofVal.renamed().forEach((from, to) -> {
            String row = changes.renamed().getOrDefault(from, from);
            names.put(to, names.getOrDefault(row, row));
        });
        names.entrySet().removeIf(each -> each.getKey().equals(each.getValue()));
        return names;
    }

    /**
     * What is known of a training whose pictures nobody noted: its classes, and which pictures it must have kept back.
     *
     * @param holdout as for {@link #begin}
     */
    public static RunInventory unnoted(
            List<String> classNames, ImageFolder data, Function<List<Sample>, List<Sample>> holdout) {
        List<OfClass> classes =
                classNames.stream().map(name -> new OfClass(name, null, null)).toList();
        List<String> heldOut =
                holdout.apply(data.samples()).stream().map(data::nameOf).toList();
        return new RunInventory(classes, List.of(), heldOut, null, Map.of(), Map.of());
    }

    /**
     * @param spared class folders of the validation set that may be left out if the model has no row for them
     */
    private static RunPictures of(
            RunInventory inventory,
            ImageFolder data,
            @Nullable ImageFolder val,
            Predicate<String> spared,
            List<String> remarks)
            throws IOException {
        List<String> names = inventory.classNames();
        ImageFolder labelled = data.only(Set.copyOf(names)).withLabels(names);
        Set<String> heldOut = new HashSet<>(inventory.heldOut());
        List<Sample> training = new ArrayList<>();
        List<Sample> held = new ArrayList<>();
        for (Sample sample : labelled.samples()) {
            boolean kept = !heldOut.isEmpty() && heldOut.contains(labelled.nameOf(sample));
            (kept ? held : training).add(sample);
        }
        if (val == null) {
            remarks.addAll(remarksOnHoldout(names, training, held));
            return new RunPictures(names, training, held, inventory, remarks, data, null, null);
        }
        remarks.addAll(val.remarks());
        List<String> labels = new ArrayList<>(names);
        inventory.otherNames().forEach((other, name) -> {
            int row = labels.indexOf(name);
            if (row >= 0
                    && val.folderNames().contains(other)
                    && !val.folderNames().contains(name)) {
                labels.set(row, other);
                remarks.add("note: '" + other + "' in " + val.root() + " is judged as '" + name
                        + "', as the model calls it");
            }
        });
        List<String> unknown = val.pictures().entrySet().stream()
                .filter(each -> !each.getValue().isEmpty() && !labels.contains(each.getKey()))
                .map(Map.Entry::getKey)
                .toList();
        if (!unknown.stream().allMatch(spared)) {
            throw new TrainingException(val.root() + ": holds pictures of "
                    + InventoryChanges.abbreviated(unknown, NAMED) + ", which " + data.root()
                    + " has not; validation needs the classes that are trained: "
                    + InventoryChanges.abbreviated(names, NAMED));
        }
        if (!unknown.isEmpty()) {
            remarks.add("forced: " + InventoryChanges.abbreviated(unknown, NAMED) + " in " + val.root()
                    + " is left out: the model has no row for it");
        }
        ImageFolder judged = val.only(Set.copyOf(labels)).withLabels(labels);
        List<String> unjudged = judged.labelsWithoutPictures();
        if (!unjudged.isEmpty()) {
            remarks.add(String.format(
                    "warning: %s has pictures of %d of the %d classes; accuracy says nothing of %s",
                    val.root(),
                    names.size() - unjudged.size(),
                    names.size(),
                    InventoryChanges.abbreviated(unjudged, NAMED)));
        }
        remarks.addAll(remarksOnOverlap(data, val, inventory));
        return new RunPictures(names, training, judged.samples(), inventory, remarks, data, val, null);
    }

    private static List<String> remarksOnHoldout(List<String> names, List<Sample> training, List<Sample> held) {
        if (held.isEmpty()) {
            return List.of();
        }
        List<String> unheld = lacking(names, held);
        List<String> untaught = lacking(names, training);
        List<String> remarks = new ArrayList<>();
        if (!unheld.isEmpty()) {
            remarks.add("warning: no picture of " + InventoryChanges.abbreviated(unheld, NAMED)
                    + " is held out, since there are so few; accuracy says nothing of "
                    + (unheld.size() == 1 ? "it" : "them"));
        }
        if (!untaught.isEmpty()) {
            remarks.add("warning: every picture of " + InventoryChanges.abbreviated(untaught, NAMED)
                    + " is held out; the model learns nothing of " + (untaught.size() == 1 ? "it" : "them"));
        }
        return remarks;
    }

    private static List<String> lacking(List<String> names, List<Sample> samples) {
        Set<Integer> present = samples.stream().map(Sample::label).collect(Collectors.toSet());
        return IntStream.range(0, names.size())
                .filter(label -> !present.contains(label))
                .mapToObj(names::get)
                .toList();
    }

    /** A warning where what is judged was trained on, be it by another path. */
    private static List<String> remarksOnOverlap(ImageFolder data, ImageFolder val, RunInventory inventory)
            throws IOException {
        List<OfClass> judged = Objects.requireNonNullElse(inventory.validation(), List.of());
        if (data.root().toRealPath().equals(val.root().toRealPath())) {
            return List.of("warning: validation is on the training pictures themselves, " + val.root() + " is "
                    + (val.root().equals(data.root()) ? "the same folder" : data.root())
                    + "; accuracy says how well they are remembered");
        }
        Set<List<Long>> trained = new HashSet<>();
        inventory.training().forEach(each -> each.contents().values().forEach(trained::add));
        List<String> both = new ArrayList<>();
        long all = 0;
        for (OfClass each : judged) {
            Map<String, List<Long>> contents = each.contents();
            all += contents.size();
            contents.forEach((path, content) -> {
                if (trained.contains(content)) {
                    both.add(each.name() + "/" + path);
                }
            });
        }
        return both.isEmpty()
                ? List.of()
                : List.of(String.format(
                        "warning: %,d of %,d validation pictures are training pictures too (%s); accuracy says how well"
                                + " they are remembered",
                        both.size(), all, InventoryChanges.abbreviated(both, 3)));
    }

    private static void refuse(String run, ImageFolder folder, InventoryChanges changes) {
        if (!changes.isEmpty()) {
            throw new TrainingException(folder.root() + ": not the pictures of " + run + ": " + changes.inWords()
                    + "; put them back, or --resume --force goes on with what is there");
        }
    }

    private static List<String> consequences(ImageFolder folder, InventoryChanges changes) {
        List<String> lines = new ArrayList<>();
        changes.renamed()
                .forEach((from, to) -> lines.add("forced: what the model called '" + from + "' it calls '" + to
                        + "' from here on; the pictures are the same"));
        if (!changes.gone().isEmpty()) {
            lines.add("forced: " + InventoryChanges.abbreviated(changes.gone(), NAMED)
                    + " stays a class of the model, of which there is nothing left to learn from");
        }
        if (!changes.added().isEmpty()) {
            lines.add("forced: " + InventoryChanges.abbreviated(changes.added(), NAMED)
                    + " is left out: the model has no row for it; a new training with --init could learn it");
        }
        if (!changes.pictures().isEmpty()) {
            lines.add("forced: " + folder.root() + ": "
                    + changes.pictures().stream().limit(NAMED).collect(Collectors.joining("; ")));
        }
        return lines;
    }

    private static String renamed(String picture, Map<String, String> names) {
        int slash = picture.indexOf('/');
        String of = picture.substring(0, slash);
        return names.getOrDefault(of, of) + picture.substring(slash);
    }
}
