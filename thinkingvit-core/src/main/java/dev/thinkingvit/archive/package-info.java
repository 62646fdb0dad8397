/** Tar archives as file systems that can only be read: nothing is unpacked, and a picture in an archive is a path. */
@NullMarked
package dev.thinkingvit.archive;

import org.jspecify.annotations.NullMarked;
