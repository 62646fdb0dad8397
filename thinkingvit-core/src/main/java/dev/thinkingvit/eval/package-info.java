/** Evaluation: threshold sweeps, calibration and reports. */
@NullMarked
package dev.thinkingvit.eval;

import org.jspecify.annotations.NullMarked;
