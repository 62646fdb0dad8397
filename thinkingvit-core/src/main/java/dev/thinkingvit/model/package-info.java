/** Nested networks: configurations, full-width parameters, training and inference views, cost. */
@NullMarked
package dev.thinkingvit.model;

import org.jspecify.annotations.NullMarked;
