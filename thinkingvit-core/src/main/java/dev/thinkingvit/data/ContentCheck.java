package dev.thinkingvit.data;

import org.jspecify.annotations.Nullable;

/** Knows pictures again. Called from any thread. */
@FunctionalInterface
public interface ContentCheck {

    /** What is wrong with the bytes of a sample's file, without naming it; null if they are as they should be. */
    @Nullable String fault(Sample sample, byte[] bytes);
}
