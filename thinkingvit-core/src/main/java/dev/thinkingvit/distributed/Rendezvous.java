package dev.thinkingvit.distributed;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Where the processes of a group meet, and which of them this one is.
 *
 * @param masterAddress name or address of the machine that process 0 runs on, as the others reach it
 * @param masterPort the port at which process 0 waits for the others, 1 to 65535
 * @param rank which process this is, from 0
 * @param worldSize how many there are, on all machines together
 * @param localRank which process of its own machine this is, from 0; picks the GPU
 */
public record Rendezvous(String masterAddress, int masterPort, int rank, int worldSize, int localRank) {
    private static final List<String> REQUIRED = List.of("MASTER_ADDR", "MASTER_PORT", "RANK", "WORLD_SIZE");
    private static final Map<String, String> SLURM =
            Map.of("RANK", "SLURM_PROCID", "WORLD_SIZE", "SLURM_NTASKS", "LOCAL_RANK", "SLURM_LOCALID");

    /** @throws DistributedException if a value is out of its range */
    public Rendezvous {
        if (masterAddress.isBlank()) {
            throw new DistributedException("MASTER_ADDR must name the machine of process 0; it is empty");
        }
        require("MASTER_PORT", masterPort, 1, 65535);
        require("WORLD_SIZE", worldSize, 1, 65535);
        require("RANK", rank, 0, worldSize - 1);
        require("LOCAL_RANK", localRank, 0, worldSize - 1);
    }

    /**
     * Reads {@code MASTER_ADDR}, {@code MASTER_PORT}, {@code RANK}, {@code WORLD_SIZE} and {@code LOCAL_RANK} (0 where it
     * is absent). Where {@code MASTER_ADDR} is set, {@code SLURM_PROCID}, {@code SLURM_NTASKS} and {@code SLURM_LOCALID}
     * stand in for the last three.
     *
     * @return empty if none of the first four is set: this process is alone
     * @throws DistributedException if only some of them are set, or one is not what it must be; names the variable
     */
    public static Optional<Rendezvous> fromEnvironment(Map<String, String> environment) {
        Map<String, String> values = new HashMap<>(environment);
        if (REQUIRED.stream().noneMatch(values::containsKey)) {
            return Optional.empty();
        }
        if (values.containsKey("MASTER_ADDR")) {
            SLURM.forEach((name, standIn) -> {
                if (environment.containsKey(standIn)) {
                    values.putIfAbsent(name, environment.get(standIn));
                }
            });
        }
        values.putIfAbsent("LOCAL_RANK", "0");
        for (String name : REQUIRED) {
            if (!values.containsKey(name)) {
                throw new DistributedException(name + " is not set: a process of a group needs "
                        + String.join(", ", REQUIRED) + "; only "
                        + REQUIRED.stream().filter(values::containsKey).collect(Collectors.joining(", "))
                        + " came; set all of them, or none to run alone");
            }
        }
        return Optional.of(new Rendezvous(
                String.valueOf(values.get("MASTER_ADDR")).strip(),
                number("MASTER_PORT", values),
                number("RANK", values),
                number("WORLD_SIZE", values),
                number("LOCAL_RANK", values)));
    }

    /** {@code process 1 of 4}, as messages call it. */
    String name() {
        return name(rank, worldSize);
    }

    static String name(int rank, int worldSize) {
        return "process " + rank + " of " + worldSize;
    }

    /** {@code host:port}. */
    String meetingPoint() {
        return masterAddress + ":" + masterPort;
    }

    private static int number(String name, Map<String, String> values) {
        String value = String.valueOf(values.get(name));
        try {
            return Integer.parseInt(value.strip());
        } catch (NumberFormatException e) {
            throw new DistributedException(name + " must be a whole number; it is '" + value + "'", e);
        }
    }

    private static void require(String name, int value, int least, int most) {
        if (value < least || value > most) {
            throw new DistributedException(name + " must be from " + least + " to " + most + "; it is " + value
                    + (name.endsWith("RANK") ? " (WORLD_SIZE - 1 is the last of them)" : ""));
        }
    }
}
