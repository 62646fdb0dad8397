/**
 * The lossy kind of WebP: VP8 key frames as interleaved RGB levels, those of libwebp. Knows nothing of pictures.
 */
@NullMarked
package dev.thinkingvit.picture.webp;

import org.jspecify.annotations.NullMarked;
