package dev.thinkingvit.distributed;

import java.time.Duration;

/**
 * How fast processes notice each other's end. Beats come from a thread that does nothing else, so what counts as silence
 * leaves room for a JVM that pauses for ten seconds or a machine with many times more work than cores.
 *
 * @param beat between two signs of life
 * @param silence after which a process counts as gone
 * @param farewell what an operation may still take after another process has left in good order: it may need only what
 *     is on its way already
 */
record Pulse(Duration beat, Duration silence, Duration farewell) {
    static final Pulse STANDARD = new Pulse(Duration.ofSeconds(1), Duration.ofSeconds(20), Duration.ofSeconds(15));
}
