/** An architecture outside the library, as docs/adding-a-backbone.md explains it: it uses what is public, and nothing else. */
@NullMarked
package dev.thinkingvit.example;

import org.jspecify.annotations.NullMarked;
