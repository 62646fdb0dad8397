/**
 * Files and streams as people meet them: atomic writes, locks, bounded readers of text, names, standard output, and words
 * for whatever fails.
 *
 * <p>Knows no format and no network. A new way in which a disk, a pipe or a library can fail belongs in {@code Reasons}, the
 * only place that turns exceptions into sentences; a new kind of write in {@code AtomicFiles}.
 */
@NullMarked
package dev.thinkingvit.files;

import org.jspecify.annotations.NullMarked;
