/**
 * Training of nested networks: recipe, losses, optimizer, schedule, moving average, teacher, trainer.
 *
 * <p>Knows no folder and no log: what a training is written to stands in {@code run}. A new key of the recipe is a component
 * of one of the {@code …Recipe} records, which check themselves.
 */
@NullMarked
package dev.thinkingvit.train;

import org.jspecify.annotations.NullMarked;
