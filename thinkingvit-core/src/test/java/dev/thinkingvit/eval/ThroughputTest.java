package dev.thinkingvit.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.data.Sample;
import dev.thinkingvit.inference.ElasticEngine;
import dev.thinkingvit.inference.Routers;
import dev.thinkingvit.inference.StopPolicy;
import dev.thinkingvit.picture.Preprocessing;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@NullUnmarked // a null fails the test
class ThroughputTest {
    private static final Preprocessing INPUT = Preprocessing.imagenet(16, 1.0);

    @TempDir
    private Path folder;

    @Test
    void everyPolicyIsMeasured() throws IOException {
        List<Sample> samples = MadeUp.pictures(folder, 2);
        try (ElasticEngine engine = MadeUp.engine()) {
            Throughput throughput = Throughput.prepare(engine, INPUT, samples, 5, 2);
            int[] runs = new int[1];
            List<Double> rates = throughput.measure(
                    List.of(StopPolicy.of(Routers.ENTROPY, 9), StopPolicy.alwaysThink(Routers.ENTROPY)),
                    2,
                    () -> runs[0]++);

            assertThat(throughput.images()).isEqualTo(12);
            assertThat(throughput.skipped()).isEmpty();
            assertThat(runs[0]).isEqualTo(4);
            assertThat(rates).hasSize(2).allMatch(rate -> rate > 0);
        }
    }

    @Test
    void picturesThatCannotBeReadAreNamed() throws IOException {
        List<Sample> samples = MadeUp.pictures(folder, 2);
        Path broken = Files.writeString(samples.get(3).path(), "no picture");
        try (ElasticEngine engine = MadeUp.engine()) {
            Throughput throughput = Throughput.prepare(engine, INPUT, samples, 5, 2);

            assertThat(throughput.images()).isEqualTo(11);
            assertThat(throughput.skipped()).singleElement().satisfies(failure -> assertThat(failure.message())
                    .startsWith(broken + ": "));
            assertThatThrownBy(() -> Throughput.prepare(engine, INPUT, samples.subList(3, 4), 5, 2))
                    .isInstanceOf(IOException.class)
                    .hasMessageStartingWith("none of the 1 pictures to measure with can be read; the first: " + broken);
        }
    }

    @Test
    void asManyWorkersLoadAsAreAskedFor() throws IOException {
        List<Sample> samples = MadeUp.pictures(folder, 1);
        try (ElasticEngine engine = MadeUp.engine()) {
            assertThatThrownBy(() -> Throughput.prepare(engine, INPUT, samples, 5, 0))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("The number of loader threads must be at least 1, not 0");
        }
    }
}
