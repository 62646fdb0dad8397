/**
 * Models: a directory with its {@code config.json}, a checkpoint of somebody else's, a hub and its cache, and a model's
 * card.
 *
 * <p>Finds a network's weights in whatever a file holds, under whatever names; translates other libraries' configurations.
 * Names of tensors are matched here and nowhere else. Another library's naming goes beside {@code GoogleViTNames}, its
 * configuration into {@code ForeignConfig}, as far as no architecture says it (see {@code model}'s {@code OtherLibraries}).
 */
@NullMarked
package dev.thinkingvit.store;

import org.jspecify.annotations.NullMarked;
