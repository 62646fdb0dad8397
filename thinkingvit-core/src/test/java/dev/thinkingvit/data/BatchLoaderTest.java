package dev.thinkingvit.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.augment.HorizontalFlip;
import dev.thinkingvit.augment.RandomCrop;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.picture.PictureDecoder;
import dev.thinkingvit.picture.PictureException;
import dev.thinkingvit.picture.PictureTransform;
import dev.thinkingvit.picture.Preprocessing;
import dev.thinkingvit.picture.TestPictures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(60)
class BatchLoaderTest {

    private static final int COUNT = 53;
    private static final Preprocessing INPUT = Preprocessing.imagenet(8, 1.0);
    private static final PictureTransform AUGMENT =
            PictureTransform.chain(new RandomCrop(8, 2), new HorizontalFlip(0.5));

    private final List<Sample> samples = new ArrayList<>();

    BatchLoaderTest(@TempDir Path folder) throws IOException {
        for (int i = 0; i < COUNT; i++) {
            Path file = folder.resolve(String.format("%02d.png", i));
            samples.add(new Sample(TestPictures.write(file, TestPictures.noise(8, 8, i)), i % 7));
        }
    }

    @Test
    void batchesDoNotDependOnThreadsOrCache() throws IOException {
        List<Batch> expected = epochs(loader().workers(1).prefetch(1).shuffle(5));

        for (int workers : new int[] {2, 5}) {
            assertSame(epochs(loader().workers(workers).prefetch(3).shuffle(5)), expected);
            assertSame(epochs(loader().workers(workers).shuffle(5).cacheBytes(1 << 20)), expected);
            assertSame(epochs(loader().workers(workers).shuffle(5).cacheBytes(3000)), expected);
        }
        assertThat(epochs(loader().shuffle(6)).get(0).sampleIndices())
                .isNotEqualTo(expected.get(0).sampleIndices());
    }

    @Test
    void eachEpochShufflesAnewAndHoldsEverySampleOnce() throws IOException {
        try (BatchLoader loader = loader().shuffle(5).open()) {
            Set<List<Integer>> orders = new HashSet<>();
            for (int epoch = 0; epoch < 4; epoch++) {
                List<Integer> order = new ArrayList<>();
                for (Batch batch : drain(loader.epoch(epoch))) {
                    for (int i = 0; i < batch.size(); i++) {
                        order.add(batch.sampleIndices()[i]);
                        assertThat(batch.labels()[i]).isEqualTo(batch.sampleIndices()[i] % 7);
                    }
                }
                assertThat(order).hasSize(COUNT).doesNotHaveDuplicates();
                orders.add(order);
            }
            assertThat(orders).hasSize(4);
        }
    }

    @Test
    void evaluationKeepsTheOrderAndNormalizes() throws IOException {
        try (BatchLoader loader =
                BatchLoader.of(samples, INPUT, INPUT).batchSize(10).open()) {
            List<Batch> batches = drain(loader.epoch(0));

            assertThat(batches).hasSize(6);
            assertThat(batches.get(5).size()).isEqualTo(3);
            float[] expected =
                    INPUT.toInput(PictureDecoder.decode(samples.get(51).path()));
            float[] images = batches.get(5).images();
            assertThat(Arrays.copyOfRange(images, expected.length, 2 * expected.length))
                    .isEqualTo(expected);
            assertThat(batches.get(5).sampleIndices()).containsExactly(50, 51, 52);
        }
    }

    @Test
    void aLastBatchThatIsNotFullMayBeDropped() throws IOException {
        try (BatchLoader loader = loader().dropLast().open();
                Epoch epoch = loader.epoch(0)) {
            assertThat(epoch.batches()).isEqualTo(5);
            assertThat(epoch.samples()).isEqualTo(50);
            assertThat(drain(epoch)).hasSize(5).allMatch(batch -> batch.size() == 10);
        }
    }

    @Test
    void aBrokenPictureFailsByName() throws IOException {
        Files.writeString(samples.get(17).path(), "broken");
        Files.delete(samples.get(19).path());
        try (BatchLoader loader = loader().open();
                Epoch epoch = loader.epoch(0)) {
            epoch.next();

            assertThatThrownBy(epoch::next).isInstanceOf(PictureException.class).hasMessageContaining("17.png");
            assertThatThrownBy(epoch::next).hasMessageContaining("closed");
        }
    }

    @Test
    void brokenPicturesMayBeLeftOut() throws IOException {
        Files.writeString(samples.get(17).path(), "broken");
        Files.delete(samples.get(19).path());
        for (int i = 20; i < 30; i++) {
            Files.writeString(samples.get(i).path(), "");
        }
        List<BatchLoader.Failure> told = new ArrayList<>();
        try (BatchLoader loader = loader().skipBroken(told::add).open();
                Epoch epoch = loader.epoch(0)) {
            List<Batch> batches = drain(epoch);

            assertThat(batches).extracting(Batch::size).containsExactly(10, 8, 10, 10, 3);
            assertThat(batches.get(1).failed()).isEqualTo(2);
            assertThat(batches.get(1).sampleIndices()).containsExactly(10, 11, 12, 13, 14, 15, 16, 18);
            assertThat(batches.get(1).images()).hasSize(8 * 3 * 64);
            assertThat(epoch.failures()).hasSize(12).isEqualTo(told);
            assertThat(told.get(1).sample()).isEqualTo(samples.get(19));
            assertThat(told.get(1).message()).contains("19.png").contains("no such file");
        }
    }

    @Test
    void aFailingTransformNamesThePicture() throws IOException {
        PictureTransform wrong = (picture, random) -> TestPictures.noise(8, 9, 1);
        try (BatchLoader loader = BatchLoader.of(samples, wrong, INPUT)
                        .skipBroken(failure -> {})
                        .open();
                Epoch epoch = loader.epoch(0)) {
            assertThatThrownBy(epoch::next)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("00.png")
                    .hasMessageContaining("must give 8 × 8 pixels (height × width), they gave 9 × 8");
        }
    }

    @Test
    void onlyAFewBatchesArePreparedAhead() throws Exception {
        AtomicInteger transformed = new AtomicInteger();
        PictureTransform counting = (picture, random) -> {
            transformed.incrementAndGet();
            return picture;
        };
        try (BatchLoader loader = BatchLoader.of(samples, counting, INPUT)
                        .batchSize(5)
                        .prefetch(2)
                        .workers(3)
                        .open();
                Epoch epoch = loader.epoch(0)) {
            epoch.next();
            TimeUnit.MILLISECONDS.sleep(200);
            assertThat(transformed).hasValue(15);
        }
    }

    @Test
    void closingEarlyEndsTheThreads() throws Exception {
        int before = loaderThreads();
        CountDownLatch started = new CountDownLatch(1);
        PictureTransform slow = (picture, random) -> {
            started.countDown();
            return picture;
        };
        BatchLoader loader =
                BatchLoader.of(samples, slow, INPUT).batchSize(3).workers(4).open();
        Epoch epoch = loader.epoch(0);
        epoch.next();
        assertThat(started.await(10, TimeUnit.SECONDS)).isTrue();

        loader.close();
        loader.close();

        // a pool is terminated a moment before its last thread is gone
        for (int i = 0; i < 100 && loaderThreads() != before; i++) {
            TimeUnit.MILLISECONDS.sleep(50);
        }
        assertThat(loaderThreads()).isEqualTo(before);
        assertThatThrownBy(() -> {
                    while (epoch.next() != null) {}
                })
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
        assertThatThrownBy(() -> loader.epoch(1)).hasMessageContaining("closed");
    }

    @Test
    void shardsOfABatchAreTheBatchOfOneProcessAndKeepMirroredPairs() throws IOException {
        List<int[]> whole = new ArrayList<>();
        try (BatchLoader loader = loader().batchSize(8).dropLast().shuffle(5).open()) {
            drain(loader.epoch(1)).forEach(batch -> whole.add(batch.sampleIndices()));
        }
        List<List<Integer>> together = new ArrayList<>();
        whole.forEach(batch -> together.add(new ArrayList<>()));
        for (int shard = 0; shard < 2; shard++) {
            try (BatchLoader loader =
                    loader().batchSize(4).dropLast().shuffle(5).shard(shard, 2).open()) {
                List<Batch> batches = drain(loader.epoch(1));
                for (int b = 0; b < whole.size(); b++) {
                    int[] common = whole.get(b);
                    int[] part = batches.get(b).sampleIndices();
                    for (int i = 0; i < part.length; i++) {
                        together.get(b).add(part[i]);
                        int place = indexOf(common, part[i]);
                        assertThat(part[part.length - 1 - i]).isEqualTo(common[common.length - 1 - place]);
                    }
                }
            }
        }
        for (int b = 0; b < whole.size(); b++) {
            assertThat(together.get(b))
                    .containsExactlyInAnyOrderElementsOf(
                            Arrays.stream(whole.get(b)).boxed().toList());
        }
    }

    private static int indexOf(int[] values, int value) {
        for (int i = 0; i < values.length; i++) {
            if (values[i] == value) {
                return i;
            }
        }
        throw new AssertionError(value + " is not in the common batch");
    }

    @Test
    void repeatedSamplesComeInARowWithChancesOfTheirOwn() throws IOException {
        List<Sample> many = new ArrayList<>();
        for (int i = 0; i < 600; i++) {
            many.add(samples.get(i % COUNT));
        }
        BatchLoader.Builder repeated =
                BatchLoader.of(many, AUGMENT, INPUT).batchSize(64).shuffle(5).repeats(3);
        List<Integer> order = new ArrayList<>();
        Set<Integer> pictures = new HashSet<>();
        try (BatchLoader loader = repeated.open()) {
            assertThat(loader.batches()).isEqualTo(8); // 512 of the 1800
            for (Batch batch : drain(loader.epoch(0))) {
                int floats = batch.images().length / batch.size();
                for (int i = 0; i < batch.size(); i++) {
                    order.add(batch.sampleIndices()[i]);
                    pictures.add(Arrays.hashCode(Arrays.copyOfRange(batch.images(), i * floats, (i + 1) * floats)));
                }
            }
        }
        assertThat(order).hasSize(512).doesNotHaveDuplicates();
        for (int i = 0; i < 510; i += 3) {
            assertThat(order.subList(i, i + 3)).containsExactly(order.get(i), order.get(i) + 600, order.get(i) + 1200);
        }
        assertThat(pictures).as("most copies are cropped otherwise").hasSizeGreaterThan(350);
    }

    @Test
    void shardsOfRepeatedSamplesAreTheBatchOfOneProcess() throws IOException {
        List<Batch> together =
                epochs(loader().batchSize(8).dropLast().shuffle(5).repeats(3));
        List<List<Batch>> shards = new ArrayList<>();
        for (int shard = 0; shard < 2; shard++) {
            shards.add(epochs(
                    loader().batchSize(4).dropLast().shuffle(5).repeats(3).shard(shard, 2)));
        }
        assertThat(together).hasSameSizeAs(shards.get(0));
        for (int i = 0; i < together.size(); i++) {
            List<Integer> indices = new ArrayList<>();
            for (List<Batch> shard : shards) {
                for (int index : shard.get(i).sampleIndices()) {
                    indices.add(index);
                }
            }
            assertThat(indices)
                    .containsExactlyInAnyOrderElementsOf(
                            Arrays.stream(together.get(i).sampleIndices())
                                    .boxed()
                                    .toList());
        }
    }

    @Test
    void anEpochCanBeginAtALaterBatch() throws IOException {
        try (BatchLoader loader = loader().batchSize(8).shuffle(5).open()) {
            List<Batch> all = drain(loader.epoch(3));
            List<Batch> rest = drain(loader.epoch(3, 2));
            assertThat(rest).hasSize(all.size() - 2);
            assertThat(rest.get(0).images()).containsExactly(all.get(2).images());
            assertThatThrownBy(() -> loader.epoch(3, all.size() + 1)).hasMessageContaining("does not exist");
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 8, 1", "1, 24, 1", "1, 7, 3", "2, 4, 1", "2, 10, 3", "1, 24, 2"})
    void anEpochThatGoesOnInBatchesOfAnotherSizeLeavesOutAndShowsAgainNothing(int shards, int size, int repeats)
            throws IOException {
        EpochPlace place = EpochPlace.START.plus(3 * 5, repeats);
        List<Integer> all = new ArrayList<>();
        try (BatchLoader loader =
                loader().batchSize(5).shuffle(5).repeats(repeats).dropLast().open()) {
            drain(loader.epoch(2)).stream().limit(3).forEach(batch -> Arrays.stream(batch.sampleIndices())
                    .forEach(all::add));
        }
        int covered = 15;
        for (int shard = 0; shard < shards; shard++) {
            try (BatchLoader loader = loader().batchSize(size)
                            .shuffle(5)
                            .repeats(repeats)
                            .shard(shard, shards)
                            .dropLast()
                            .open();
                    Epoch rest = loader.epoch(2, place, 3, true)) {
                covered += rest.samples();
                for (Batch batch = rest.next(); batch != null; batch = rest.next()) {
                    Arrays.stream(batch.sampleIndices()).forEach(all::add);
                }
            }
        }
        assertThat(all).doesNotHaveDuplicates().hasSize(covered);
        try (BatchLoader loader = loader().shuffle(5).repeats(repeats).open()) {
            int entries = loader.epoch(2).samples();
            assertThat(covered).isBetween(entries - 2 * shards + 1, entries);
        }
    }

    @Test
    void aNumberOfRepeatsThatChangesShowsNoPictureOutOfItsTurn() throws IOException {
        List<Integer> seen = new ArrayList<>();
        EpochPlace place = EpochPlace.START.plus(4, 3); // one picture three times, the next once
        assertThat(place).isEqualTo(new EpochPlace(4, 1, 1));
        try (BatchLoader loader = loader().batchSize(4).shuffle(5).open()) {
            int[] order = drain(loader.epoch(2)).stream()
                    .flatMapToInt(batch -> Arrays.stream(batch.sampleIndices()))
                    .toArray();
            try (Epoch rest = loader.epoch(2, place, 1, true)) {
                for (Batch batch = rest.next(); batch != null; batch = rest.next()) {
                    Arrays.stream(batch.sampleIndices()).forEach(seen::add);
                }
            }
            assertThat(seen.get(0)).isEqualTo(order[2]);
            assertThat(seen).doesNotHaveDuplicates().hasSize(order.length - 4);
        }
    }

    @Test
    void aFileThatIsGoneOrAnotherOneIsNotShownFromMemory() throws IOException {
        List<Sample> files = new ArrayList<>();
        for (Sample sample : samples.subList(0, 3)) {
            Path copy = sample.path().resolveSibling(files.size() + "-copy.png");
            Files.copy(sample.path(), copy);
            files.add(new Sample(copy, 0));
        }
        ContentCheck check = (sample, bytes) -> bytes.length < 20 ? "is cut" : null;
        try (BatchLoader loader = BatchLoader.of(files, INPUT, INPUT)
                .cacheBytes(1 << 20)
                .check(check)
                .skipBroken(failure -> {})
                .open()) {
            assertThat(drain(loader.epoch(0)).get(0).size()).isEqualTo(3);
            Files.delete(files.get(0).path());
            Files.write(files.get(1).path(), new byte[10]);
            try (Epoch epoch = loader.epoch(1)) {
                assertThat(Objects.requireNonNull(epoch.next()).size()).isEqualTo(1);
                assertThat(epoch.failures())
                        .extracting(BatchLoader.Failure::message)
                        .anyMatch(line -> line.endsWith("no such file or folder"))
                        .anyMatch(line -> line.endsWith("copy.png: is cut"));
            }
        }
    }

    @Test
    void shardsShareTheWorkAndStayInStep() throws IOException {
        List<Integer> all = new ArrayList<>();
        for (int shard = 0; shard < 3; shard++) {
            try (BatchLoader loader = loader().shuffle(5).shard(shard, 3).open();
                    Epoch epoch = loader.epoch(2)) {
                assertThat(epoch.samples()).isEqualTo(18);
                drain(epoch)
                        .forEach(batch -> Arrays.stream(batch.sampleIndices()).forEach(all::add));
            }
        }
        assertThat(new HashSet<>(all)).hasSize(COUNT);
        List<Integer> once = new ArrayList<>();
        for (int shard = 0; shard < 3; shard++) {
            try (BatchLoader loader = loader().shard(shard, 3).open()) {
                drain(loader.epoch(0))
                        .forEach(batch -> Arrays.stream(batch.sampleIndices()).forEach(once::add));
            }
        }
        assertThat(once).hasSize(COUNT).doesNotHaveDuplicates();
    }

    @Test
    void stepsAfterNormalizationSeeTheirPictureOnly() throws IOException {
        InputTransform mark = (input, offset, size, random) -> input[offset] = 100 + size.side();
        try (BatchLoader loader = loader().after(mark).open()) {
            Batch batch = drain(loader.epoch(0)).get(0);
            for (int i = 0; i < batch.images().length; i++) {
                assertThat(batch.images()[i] == 108).isEqualTo(i % (3 * 64) == 0);
            }
        }
    }

    @Test
    void aBatchIsMixedAsLevelsThenNormalizedThenErased() throws IOException {
        InputTransform mark = (input, offset, size, random) -> input[offset] = 100;
        try (BatchLoader plain =
                        BatchLoader.of(samples, INPUT, INPUT).batchSize(10).open();
                BatchLoader mixing = BatchLoader.of(samples, INPUT, INPUT)
                        .batchSize(10)
                        .mix(BatchLoaderTest::reverse)
                        .after(mark)
                        .open()) {
            Batch expected = drain(plain.epoch(0)).get(0);
            Batch batch = drain(mixing.epoch(0)).get(0);
            int length = 3 * 64;

            assertThat(expected.ownShare()).isEqualTo(1);
            assertThat(batch.ownShare()).isZero();
            assertThat(batch.labels()).isEqualTo(expected.labels());
            for (int i = 0; i < 10; i++) {
                assertThat(batch.images()[i * length])
                        .as("marked after it was mixed")
                        .isEqualTo(100);
                assertThat(Arrays.copyOfRange(batch.images(), i * length + 1, (i + 1) * length))
                        .isEqualTo(Arrays.copyOfRange(expected.images(), (9 - i) * length + 1, (10 - i) * length));
            }
        }
    }

    @Test
    void mixingDependsOnEpochAndBatchAlone() throws IOException {
        BatchLoader.Builder settings = loader().shuffle(5).mix(BatchLoaderTest::shift);
        List<Batch> expected = epochs(settings.workers(1).prefetch(1));
        assertThat(expected.stream().map(Batch::ownShare)).doesNotHaveDuplicates();

        assertSame(epochs(settings.workers(4).prefetch(3)), expected);
        try (BatchLoader loader = settings.open();
                Epoch later = loader.epoch(1, 4)) {
            assertSame(drain(later), expected.subList(6 + 4, 12));
        }
    }

    @Test
    void aPictureThatIsLeftOutTakesNoPartInMixing() throws IOException {
        Files.writeString(samples.get(3).path(), "broken");
        try (BatchLoader plain = loader().skipBroken(failure -> {}).open();
                BatchLoader mixing = loader().skipBroken(failure -> {})
                        .mix(BatchLoaderTest::reverse)
                        .open()) {
            Batch expected = drain(plain.epoch(0)).get(0);
            Batch batch = drain(mixing.epoch(0)).get(0);
            int length = 3 * 64;

            assertThat(batch.sampleIndices()).containsExactly(0, 1, 2, 4, 5, 6, 7, 8, 9);
            assertThat(batch.failed()).isEqualTo(1);
            assertThat(batch.images()).hasSize(9 * length);
            for (int i = 0; i < 9; i++) {
                assertThat(Arrays.copyOfRange(batch.images(), i * length, (i + 1) * length))
                        .isEqualTo(Arrays.copyOfRange(expected.images(), (8 - i) * length, (9 - i) * length));
            }
        }
    }

    @Test
    void aMixerThatFailsNamesTheBatch() throws IOException {
        BatchMixer failing = (levels, pictures, size, random) -> {
            throw new IllegalArgumentException("no");
        };
        try (BatchLoader loader = loader().mix(failing).open();
                Epoch epoch = loader.epoch(2)) {
            assertThatThrownBy(epoch::next)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage("Preparing batch 0 of epoch 2 failed: no");
        }
    }

    @Test
    void theCacheKeepsToItsLimit() throws IOException {
        try (BatchLoader loader = loader().cacheBytes(1000).open()) {
            drain(loader.epoch(0));
            assertThat(loader.cachedBytes()).isPositive().isLessThanOrEqualTo(1000);
        }
    }

    @Test
    void impossibleSettingsAreRefused() {
        assertThatThrownBy(() -> BatchLoader.of(List.of(), INPUT, INPUT)).hasMessageContaining("at least one sample");
        assertThatThrownBy(() -> loader().batchSize(0)).hasMessageContaining("at least 1, not 0");
        assertThatThrownBy(() -> loader().workers(0)).hasMessageContaining("threads must be at least 1");
        assertThatThrownBy(() -> loader().shard(2, 2)).hasMessageContaining("Shard 2 of 2");
        assertThatThrownBy(() -> loader().cacheBytes(-1)).hasMessageContaining("-1 bytes");
    }

    private BatchLoader.Builder loader() {
        return BatchLoader.of(samples, AUGMENT, INPUT).batchSize(10);
    }

    private static List<Batch> epochs(BatchLoader.Builder settings) throws IOException {
        try (BatchLoader loader = settings.open()) {
            List<Batch> batches = new ArrayList<>(drain(loader.epoch(0)));
            batches.addAll(drain(loader.epoch(1)));
            return batches;
        }
    }

    private static List<Batch> drain(Epoch epoch) throws IOException {
        List<Batch> batches = new ArrayList<>();
        for (Batch batch = epoch.next(); batch != null; batch = epoch.next()) {
            batches.add(batch);
        }
        return batches;
    }

    private static void assertSame(List<Batch> actual, List<Batch> expected) {
        assertThat(actual).hasSameSizeAs(expected);
        for (int i = 0; i < expected.size(); i++) {
            assertThat(actual.get(i).images()).isEqualTo(expected.get(i).images());
            assertThat(actual.get(i).labels()).isEqualTo(expected.get(i).labels());
            assertThat(actual.get(i).sampleIndices()).isEqualTo(expected.get(i).sampleIndices());
            assertThat(actual.get(i).ownShare()).isEqualTo(expected.get(i).ownShare());
        }
    }

    /** Each picture becomes its partner. */
    private static double reverse(byte[] levels, int pictures, ImageSize size, RandomGenerator random) {
        int length = size.values();
        for (int i = 0; i < pictures / 2; i++) {
            byte[] held = Arrays.copyOfRange(levels, i * length, (i + 1) * length);
            int other = (pictures - 1 - i) * length;
            System.arraycopy(levels, other, levels, i * length, length);
            System.arraycopy(held, 0, levels, other, length);
        }
        return 0;
    }

    private static double shift(byte[] levels, int pictures, ImageSize size, RandomGenerator random) {
        int shift = random.nextInt(1, 256);
        for (int i = 0; i < pictures * size.values(); i++) {
            levels[i] = (byte) (levels[i] + shift);
        }
        return random.nextDouble();
    }

    private static int loaderThreads() {
        return (int) Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith("picture-loader-"))
                .count();
    }
}
