/** Files and streams as people meet them: bounded readers of text, names, standard output, and words for what fails. */
@NullMarked
package dev.thinkingvit.files;

import org.jspecify.annotations.NullMarked;
