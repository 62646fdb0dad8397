package dev.thinkingvit.inference;

import dev.thinkingvit.picture.PictureException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.SortedMap;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.TreeMap;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * Reads requests and has them thought about, a batch at a time.
 *
 * @param <R> what is made of a picture
 */
final class RequestReader<R> {
    /** Pictures of one batch; more gain nothing, and memory grows with it. */
    static final int TOGETHER = 256;

    private final ElasticClassifier classifier;
    private final Function<RequestBatch, List<R>> thinker;

    /** @param thinker a result for each picture of a batch that has at least one */
    RequestReader(ElasticClassifier classifier, Function<RequestBatch, List<R>> thinker) {
        this.classifier = classifier;
        this.thinker = thinker;
    }

    /**
     * @param broken what to throw if some cannot be read, of these and the results of the others, by position
     * @return one result a picture, in order
     */
    List<R> all(
            List<Request> requests,
            BiFunction<SortedMap<Integer, PictureException>, SortedMap<Integer, R>, BrokenPicturesException> broken)
            throws BrokenPicturesException {
        check(Objects.requireNonNull(requests, "the list of requests is null"));
        SortedMap<Integer, PictureException> failures = new TreeMap<>();
        SortedMap<Integer, R> results = new TreeMap<>();
        for (int from = 0; from < requests.size(); from += TOGETHER) {
            RequestBatch batch =
                    read(requests.subList(from, Math.min(from + TOGETHER, requests.size())), from, requests.size());
            failures.putAll(batch.failures());
            List<R> done = think(batch);
            for (int i = 0; i < done.size(); i++) {
                results.put(batch.positions().get(i), done.get(i));
            }
        }
        if (!failures.isEmpty()) {
            throw broken.apply(failures, results);
        }
        return List.copyOf(results.values());
    }

    /** @param onBroken told of each picture that cannot be read; such a picture is left out */
    Stream<R> stream(Stream<Request> requests, int batchSize, Consumer<PictureException> onBroken) {
        Objects.requireNonNull(requests, "the stream of requests is null");
        Objects.requireNonNull(onBroken, "onBroken, who is told of broken pictures, is null");
        if (batchSize < 1) {
            throw new IllegalArgumentException("batch size must be at least 1, got " + batchSize);
        }
        Iterator<Request> source = requests.iterator();
        Iterator<R> results = new Iterator<>() {
            private Iterator<R> ready = List.<R>of().iterator();
            private int taken;

            @Override
            public boolean hasNext() {
                while (!ready.hasNext() && source.hasNext()) {
                    ready = nextBatch().iterator();
                }
                return ready.hasNext();
            }

            @Override
            public R next() {
                if (!hasNext()) {
                    throw new NoSuchElementException();
                }
                return ready.next();
            }

            private List<R> nextBatch() {
                List<Request> together = new ArrayList<>();
                while (together.size() < batchSize && source.hasNext()) {
                    together.add(source.next());
                }
                check(together);
                RequestBatch batch = read(together, taken, Integer.MAX_VALUE);
                taken += together.size();
                batch.failures().values().forEach(onBroken);
                return think(batch);
            }
        };
        return StreamSupport.stream(
                        Spliterators.spliteratorUnknownSize(results, Spliterator.ORDERED | Spliterator.NONNULL), false)
                .onClose(requests::close);
    }

    private void check(List<Request> requests) {
        RequestBatch.check(requests, classifier.engine().backbone().stages());
    }

    private RequestBatch read(List<Request> requests, int first, int all) {
        return RequestBatch.read(
                requests,
                first,
                all,
                classifier.config().preprocessing(),
                classifier.policy(),
                classifier.engine()::requireNotInterrupted);
    }

    private List<R> think(RequestBatch batch) {
        return batch.names().isEmpty() ? List.of() : thinker.apply(batch);
    }
}
