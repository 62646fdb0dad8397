package dev.thinkingvit.distributed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@NullUnmarked // a null fails the test
class RendezvousTest {
    private static final Map<String, String> WHOLE =
            Map.of("MASTER_ADDR", "node0", "MASTER_PORT", "29500", "RANK", "1", "WORLD_SIZE", "4", "LOCAL_RANK", "1");

    @Test
    void whatTorchrunSetsIsRead() {
        assertThat(Rendezvous.fromEnvironment(WHOLE)).contains(new Rendezvous("node0", 29500, 1, 4, 1));
    }

    @Test
    void aProcessWithoutAnyOfItIsAlone() {
        assertThat(Rendezvous.fromEnvironment(Map.of("PATH", "/bin", "SLURM_PROCID", "0", "SLURM_NTASKS", "1")))
                .isEmpty();
    }

    @Test
    void slurmsNumbersStandInWhereTheMasterIsNamed() {
        assertThat(Rendezvous.fromEnvironment(Map.of(
                        "MASTER_ADDR",
                        "node0",
                        "MASTER_PORT",
                        "29500",
                        "SLURM_PROCID",
                        "5",
                        "SLURM_NTASKS",
                        "8",
                        "SLURM_LOCALID",
                        "1")))
                .contains(new Rendezvous("node0", 29500, 5, 8, 1));
    }

    @ParameterizedTest
    @ValueSource(strings = {"MASTER_ADDR", "MASTER_PORT", "RANK", "WORLD_SIZE"})
    void theOneThatIsMissingIsNamed(String name) {
        Map<String, String> environment = new HashMap<>(WHOLE);
        environment.remove(name);
        assertThatThrownBy(() -> Rendezvous.fromEnvironment(environment))
                .isInstanceOf(DistributedException.class)
                .hasMessageStartingWith(name + " is not set")
                .hasMessageNotContainingAny("\n");
    }

    @ParameterizedTest
    @CsvSource({
        "MASTER_PORT, 0, MASTER_PORT must be from 1 to 65535; it is 0",
        "MASTER_PORT, x, MASTER_PORT must be a whole number; it is 'x'",
        "RANK, 4, RANK must be from 0 to 3; it is 4",
        "WORLD_SIZE, 0, WORLD_SIZE must be from 1",
        "LOCAL_RANK, -1, LOCAL_RANK must be from 0 to 3; it is -1",
        "MASTER_ADDR, ' ', MASTER_ADDR must name"
    })
    void whatIsOutOfRangeIsNamedWithItsRange(String name, String value, String message) {
        Map<String, String> environment = new HashMap<>(WHOLE);
        environment.put(name, value);
        assertThatThrownBy(() -> Rendezvous.fromEnvironment(environment))
                .isInstanceOf(DistributedException.class)
                .hasMessageStartingWith(message);
    }
}
