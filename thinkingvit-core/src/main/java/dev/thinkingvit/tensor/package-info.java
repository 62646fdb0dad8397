/** Native tensors: loading libtorch, scopes, threads and errors. The only package that knows JavaCPP's traps. */
@NullMarked
package dev.thinkingvit.tensor;

import org.jspecify.annotations.NullMarked;
