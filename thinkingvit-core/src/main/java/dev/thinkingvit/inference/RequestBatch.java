package dev.thinkingvit.inference;

import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.picture.PictureException;
import dev.thinkingvit.picture.Preprocessing;
import dev.thinkingvit.picture.UnfitPictureException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Requests that are thought about together, read and prepared as far as they can be.
 *
 * @param inputs B·3·S·S values of those that could be read
 * @param positions of these in the call, B of them, ascending
 * @param names for their results, B
 * @param policies by which they stop, B
 * @param failures of the others, by position
 * @param isFirst whether a call begins with them
 */
@SuppressWarnings("ArrayRecordComponent") // made here and handed to the engine
record RequestBatch(
        float[] inputs,
        List<Integer> positions,
        List<String> names,
        List<StopPolicy> policies,
        SortedMap<Integer, PictureException> failures,
        boolean isFirst) {

    /**
     * Reads one picture after the other, so that no more than one is in memory at its full size.
     *
     * @param first position of the first of them in the call
     * @param all what the call has, for names; 1 if it is about one picture
     * @param own policy of those who have none
     * @param goOn asked before each picture; throws if it is not to be read any more
     */
    static RequestBatch read(
            List<? extends Request> requests,
            int first,
            int all,
            Preprocessing preprocessing,
            StopPolicy own,
            Runnable goOn) {
        int length = preprocessing.floatsPerPicture();
        float[] inputs = new float[Math.multiplyExact(requests.size(), length)];
        RequestBatch batch = new RequestBatch(
                inputs, new ArrayList<>(), new ArrayList<>(), new ArrayList<>(), new TreeMap<>(), first == 0);
        for (int i = 0; i < requests.size(); i++) {
            goOn.run();
            Request request = requests.get(i);
            String name = name(request, first + i, all);
            try {
                preprocessing.normalizeInto(
                        preprocessing.resizeAndCrop(request.picture(name)), inputs, batch.names.size() * length);
            } catch (IOException | RuntimeException | OutOfMemoryError | StackOverflowError e) {
                goOn.run(); // an interruption closes what is being read: the picture is as good as before
                batch.failures.put(first + i, failure(name, e));
                continue;
            }
            batch.positions.add(first + i);
            batch.names.add(name);
            batch.policies.add(Objects.requireNonNullElse(request.policy(), own));
        }
        return batch.failures.isEmpty()
                ? batch
                : new RequestBatch(
                        Arrays.copyOf(inputs, batch.names.size() * length),
                        batch.positions,
                        batch.names,
                        batch.policies,
                        batch.failures,
                        batch.isFirst);
    }

    /** One picture's failure, whatever it is, is no reason to lose the others: images may be of anybody's class. */
    private static PictureException failure(String name, Throwable e) {
        if (e instanceof PictureException broken) {
            return broken;
        }
        if (e instanceof UnfitPictureException) {
            return new PictureException(name + ": does not fit: " + e.getMessage(), e);
        }
        if (e instanceof IOException) {
            return new PictureException(name + ": " + Reasons.of(e), e);
        }
        if (e instanceof Error) {
            return new PictureException(name + ": needs more memory than there is: " + e.getMessage(), e);
        }
        return new PictureException(name + ": cannot be read: " + Reasons.of(e), e);
    }

    /**
     * Looks through requests before any is read.
     *
     * @param stages of the model
     * @throws NullPointerException if one is missing, saying which
     * @throws IllegalArgumentException if a policy does not fit the model, saying whose
     */
    static void check(List<? extends @Nullable Request> requests, int stages) {
        for (int i = 0; i < requests.size(); i++) {
            Request request = Objects.requireNonNull(
                    requests.get(i), "request " + (i + 1) + " of " + requests.size() + " is null");
            if (request.policy() != null) {
                try {
                    request.policy().check(stages);
                } catch (IllegalArgumentException e) {
                    throw new IllegalArgumentException(name(request, i, requests.size()) + ": " + e.getMessage(), e);
                }
            }
        }
    }

    private static String name(Request request, int position, int all) {
        String given = request.name();
        return given != null ? given : all == 1 ? "picture" : "picture " + (position + 1);
    }
}
