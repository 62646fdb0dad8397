/**
 * Sets of pictures: folders, tars, lists of labels, ImageNet's classes, and batches.
 *
 * <p>One walk ({@code PictureWalk}) finds the files of every kind of set; how a set is laid out is put in front of it. A new
 * layout goes beside {@code TarSet} and {@code WebDataset}, a new label file beside {@code ValidLabels}.
 */
@NullMarked
package dev.thinkingvit.data;

import org.jspecify.annotations.NullMarked;
