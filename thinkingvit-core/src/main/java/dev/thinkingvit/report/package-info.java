/**
 * Charts and pages of evaluations and trainings: SVG and HTML of the project's own, in one file each, without scripts from
 * elsewhere.
 *
 * <p>What is drawn comes from {@code eval}'s records or a run's columns; nothing is computed here that a table does not
 * have.
 */
@NullMarked
package dev.thinkingvit.report;

import org.jspecify.annotations.NullMarked;
