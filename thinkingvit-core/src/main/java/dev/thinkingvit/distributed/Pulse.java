package dev.thinkingvit.distributed;

import java.time.Duration;

/**
 * How fast processes notice each other's end. One that dies closes its connection, which is noticed at once; silence is only
 * of one that hangs or is cut off. Beats come from a thread that does nothing else, and what counts as silence leaves room
 * for one process of several that is paused for a minute and goes on. A pause of all is none: see {@link OwnTime}.
 *
 * @param beat between two signs of life
 * @param silence after which a process counts as gone
 * @param farewell what an operation may still take after another process has left in good order: it may need only what
 *     is on its way already
 */
record Pulse(Duration beat, Duration silence, Duration farewell) {
    static final Pulse STANDARD = new Pulse(Duration.ofSeconds(1), Duration.ofSeconds(100), Duration.ofSeconds(15));
}
