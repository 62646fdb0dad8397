/**
 * Pictures: decoding, colours, resizing, and how they are prepared for a network.
 *
 * <p>Levels are those of PIL, to the last bit where it can be said. Another format is a case of {@code PictureFormat} and a
 * reader beside the others; another way of preparing is a component of {@code Preprocessing}.
 */
@NullMarked
package dev.thinkingvit.picture;

import org.jspecify.annotations.NullMarked;
