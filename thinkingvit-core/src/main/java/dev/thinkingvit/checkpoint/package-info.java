/** Reading and writing weights: safetensors, torch.save files, numpy archives and Hugging Face directories. */
@NullMarked
package dev.thinkingvit.checkpoint;

import org.jspecify.annotations.NullMarked;
