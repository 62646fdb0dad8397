/**
 * Evaluation: each stage's answer to each picture, recorded once; thresholds, sweeps and calibration are arithmetic on the
 * records.
 *
 * <p>Draws nothing: charts and pages stand in {@code report}.
 */
@NullMarked
package dev.thinkingvit.eval;

import org.jspecify.annotations.NullMarked;
