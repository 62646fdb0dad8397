package dev.thinkingvit.data;

import java.nio.file.Path;

/**
 * One labelled picture file.
 *
 * @param path the file
 * @param label index of its class, from 0
 */
public record Sample(Path path, int label) {

    public Sample {
        if (label < 0) {
            throw new IllegalArgumentException(path + ": a label must not be negative, it is " + label);
        }
    }
}
