/** The command line: one class a command. */
@NullMarked
package dev.thinkingvit.app.cli;

import org.jspecify.annotations.NullMarked;
