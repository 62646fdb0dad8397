package dev.thinkingvit.train;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.data.EpochPlace;
import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.tensor.HostTensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * Everything a training needs to go on as if it had never stopped. What chance decides follows from the seed and the
 * position, so that no generator has a state of its own.
 *
 * @param tensors parameters as {@code model.*}, the moving average as {@code ema.*}, what the optimizer remembers as
 *     {@code optimizer.*}
 * @param position where in the training
 * @param scores of the validations so far, one an epoch, more being better; NaN where an epoch had none
 */
public record TrainerState(Map<String, HostTensor> tensors, Position position, List<Double> scores) {
    private static final String FORMAT = "thinkingvit-training-1";
    private static final String CHECKSUM = "crc32c";

    public TrainerState {
        scores = List.copyOf(scores);
    }

    /**
     * A place between two updates.
     *
     * @param epoch from 0
     * @param update the next one in the epoch, from 0
     * @param totalUpdates made in all
     * @param emaUpdates of the moving average
     * @param images seen in this epoch
     * @param lossSums of each stage in this epoch, weighted by images; nats
     * @param lossImages how many images each of the sums counts
     * @param place in the epoch; null in what older versions kept, whose updates say it
     * @param batchSize images of an update; 0 where nobody noted it
     * @param withRest whether the epoch was begun with other batches, so that it ends with a smaller one rather than leave
     *     pictures out
     * @param missed what could not be read
     * @param judgedOn a digest of the pictures that the latest scores are of; empty where nobody noted it
     * @param judgedFrom the first of these scores; those before are of other pictures
     */
    public record Position(
            int epoch,
            int update,
            long totalUpdates,
            long emaUpdates,
            long images,
            List<Double> lossSums,
            List<Long> lossImages,
            @Nullable EpochPlace place,
            int batchSize,
            boolean withRest,
            Missed missed,
            String judgedOn,
            int judgedFrom) {
        public Position {
            lossSums = List.copyOf(lossSums);
            lossImages = List.copyOf(lossImages);
        }
    }

    /**
     * What could not be read.
     *
     * @param pictures of this epoch, that were left out
     * @param updates of this epoch, that were passed over since none of their pictures could be read
     * @param totalUpdates passed over in all
     */
    public record Missed(long pictures, long updates, long totalUpdates) {
        /** Nothing. */
        public static final Missed NONE = new Missed(0, 0, 0);

        Missed plus(long morePictures, long moreUpdates) {
            return new Missed(pictures + morePictures, updates + moreUpdates, totalUpdates + moreUpdates);
        }

        Missed ofNextEpoch() {
            return new Missed(0, 0, totalUpdates);
        }
    }

    /** Replaces {@code file} as a whole; see {@link dev.thinkingvit.files.AtomicFiles}. */
    public void write(Path file) {
        Map<String, String> facts = facts();
        facts.put(CHECKSUM, checksum(tensors));
        Safetensors.write(file, tensors, facts);
    }

    /** Of all values, whatever the order of the tensors: a disk's flipped bit would go on training unnoticed. */
    private static String checksum(Map<String, HostTensor> tensors) {
        CRC32C sum = new CRC32C();
        new TreeMap<>(tensors).values().forEach(tensor -> sum.update(tensor.data()));
        return Long.toHexString(sum.getValue());
    }

    private Map<String, String> facts() {
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("format", FORMAT);
        facts.put("epoch", String.valueOf(position.epoch()));
        facts.put("update", String.valueOf(position.update()));
        facts.put("total_updates", String.valueOf(position.totalUpdates()));
        facts.put("ema_updates", String.valueOf(position.emaUpdates()));
        facts.put("images", String.valueOf(position.images()));
        facts.put("loss_sums", joined(position.lossSums()));
        facts.put("loss_images", joined(position.lossImages()));
        facts.put("accuracies", joined(scores));
        EpochPlace place = position.place();
        if (place != null) {
            facts.put("place", joined(List.of(place.entries(), place.picture(), place.copy())));
        }
        facts.put("batch_size", String.valueOf(position.batchSize()));
        facts.put("with_rest", String.valueOf(position.withRest()));
        Missed missed = position.missed();
        facts.put("missed", joined(List.of(missed.pictures(), missed.updates(), missed.totalUpdates())));
        facts.put("judged_on", position.judgedOn());
        facts.put("judged_from", String.valueOf(position.judgedFrom()));
        return facts;
    }

    private static String joined(List<?> numbers) {
        return numbers.stream().map(String::valueOf).collect(Collectors.joining(","));
    }

    /** @throws CheckpointException if the file cannot be read or is something else */
    public static TrainerState read(Path file) {
        Safetensors.Contents contents = Safetensors.read(file);
        Map<String, String> facts = contents.metadata();
        if (!FORMAT.equals(facts.get("format"))) {
            throw new CheckpointException(
                    file, "is no training state: its format is " + facts.get("format") + ", required is " + FORMAT);
        }
        String sum = facts.get(CHECKSUM); // older states have none
        if (sum != null && !sum.equals(checksum(contents.tensors()))) {
            throw new CheckpointException(file, "its values are not those that were written: the file is damaged");
        }
        try {
            return of(contents.tensors(), facts);
        } catch (NumberFormatException | ArithmeticException e) {
            throw new CheckpointException(file, "its position is damaged: " + Reasons.of(e), e);
        }
    }

    private static TrainerState of(Map<String, HostTensor> tensors, Map<String, String> facts) {
        List<Long> lossImages = new ArrayList<>();
        numbers(facts, "loss_images").forEach(count -> lossImages.add((long) count));
        Position position = new Position(
                Math.toIntExact(number(facts, "epoch")),
                Math.toIntExact(number(facts, "update")),
                number(facts, "total_updates"),
                number(facts, "ema_updates"),
                number(facts, "images"),
                numbers(facts, "loss_sums").boxed().toList(),
                lossImages,
                place(facts),
                Math.toIntExact(Long.parseLong(facts.getOrDefault("batch_size", "0"))),
                Boolean.parseBoolean(facts.get("with_rest")),
                missed(facts),
                facts.getOrDefault("judged_on", ""),
                Math.toIntExact(Long.parseLong(facts.getOrDefault("judged_from", "0"))));
        return new TrainerState(
                tensors, position, numbers(facts, "accuracies").boxed().toList());
    }

    // what older versions did not keep
    private static @Nullable EpochPlace place(Map<String, String> facts) {
        if (!facts.containsKey("place")) {
            return null;
        }
        long[] three = three(facts, "place");
        try {
            return new EpochPlace(Math.toIntExact(three[0]), Math.toIntExact(three[1]), Math.toIntExact(three[2]));
        } catch (IllegalArgumentException e) {
            throw new NumberFormatException(e.getMessage());
        }
    }

    private static Missed missed(Map<String, String> facts) {
        if (!facts.containsKey("missed")) {
            return Missed.NONE;
        }
        long[] three = three(facts, "missed");
        return new Missed(three[0], three[1], three[2]);
    }

    private static long[] three(Map<String, String> facts, String key) {
        long[] numbers = Arrays.stream(String.valueOf(facts.get(key)).split(",", -1))
                .mapToLong(Long::parseLong)
                .toArray();
        if (numbers.length != 3) {
            throw new NumberFormatException(key + " must be three numbers, got " + facts.get(key));
        }
        return numbers;
    }

    /** Everything but the tensors, a line each. */
    String text() {
        StringBuilder text = new StringBuilder();
        facts().forEach((key, value) ->
                text.append(key).append('=').append(value).append('\n'));
        return text.toString();
    }

    /** What {@link #text} says, without tensors. */
    static TrainerState ofText(String text) {
        Map<String, String> facts = new LinkedHashMap<>();
        text.lines().forEach(line -> {
            int equals = line.indexOf('=');
            facts.put(line.substring(0, equals), line.substring(equals + 1));
        });
        return of(Map.of(), facts);
    }

    private static long number(Map<String, String> facts, String key) {
        return Long.parseLong(String.valueOf(facts.get(key)));
    }

    private static DoubleStream numbers(Map<String, String> facts, String key) {
        String list = String.valueOf(facts.get(key));
        return list.isEmpty()
                ? DoubleStream.empty()
                : List.of(list.split(",")).stream().mapToDouble(Double::parseDouble);
    }
}
