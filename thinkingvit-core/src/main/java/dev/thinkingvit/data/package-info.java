/** Pictures: decoding, preprocessing, augmentation, folders, labels and training batches. */
@NullMarked
package dev.thinkingvit.data;

import org.jspecify.annotations.NullMarked;
