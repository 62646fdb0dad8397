/**
 * What training does to pictures, as timm and torchvision do it, on 8-bit levels.
 *
 * <p>Each transform is a {@code PictureTransform}, before normalising, or an {@code InputTransform}, after it; both draw
 * from a generator that they are handed and keep no state. A new one goes here, its key into the recipe's {@code
 * augmentation} part.
 */
@NullMarked
package dev.thinkingvit.augment;

import org.jspecify.annotations.NullMarked;
