/**
 * Tar archives as file systems that can only be read: nothing is unpacked, and a picture in an archive is a path.
 *
 * <p>What the members of a tar mean (classes, shards, labels) is not known here but in {@code data}. Another kind of archive
 * would be another provider beside this one.
 */
@NullMarked
package dev.thinkingvit.archive;

import org.jspecify.annotations.NullMarked;
