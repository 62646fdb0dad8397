/**
 * A training on disk: its folder, logs and pictures, and going on where it stopped.
 *
 * <p>{@code TrainingRun} goes from where a training stands to its end; {@code RunFolder} holds what must survive a kill at
 * any moment. A new file of a run goes into {@code RunFolder}, a new column into {@code RunLog}.
 */
@NullMarked
package dev.thinkingvit.run;

import org.jspecify.annotations.NullMarked;
