package dev.thinkingvit.checkpoint;

import dev.thinkingvit.tensor.HostTensor;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One set of named weights from a checkpoint, and what the file says about their origin.
 *
 * @param file where they come from; errors name it
 * @param entry the keys under which they were found, joined by dots, such as {@code state_dict_ema}; empty if the file is
 *     the dictionary of weights itself
 * @param tensors under timm's names if they are a Vision Transformer's, else under the file's; read-only, possibly
 *     read from the file when they are used, nothing has to be closed
 * @param facts what else the file says, without tensors: {@code epoch}, {@code arch}, {@code metric}, {@code args} and
 *     the like of a trainer file, the metadata of a safetensors file. Values are strings, numbers, booleans, null, and
 *     lists and maps of such.
 * @param notes what was taken off the names, translated and passed over on the way, a line each
 * @param origin what translating took off
 */
public record StateDict(
        Path file,
        String entry,
        Map<String, HostTensor> tensors,
        Map<String, @Nullable Object> facts,
        List<String> notes,
        Origin origin) {
    /**
     * What the file's own names and layouts tell, which timm's do not keep.
     *
     * @param library in whose manner the names were: {@code Google's}, {@code transformers'}, {@code torchvision's},
     *     {@code Microsoft's}; empty for timm's own
     * @param heads number of attention heads; 0 if the file does not show it
     * @param centred whether pictures are normalised to −1 … 1 there by default, with mean and std 0.5
     */
    public record Origin(String library, int heads, boolean centred) {
        /** timm's names, in which heads do not show. */
        public static final Origin TIMM = new Origin("", 0, false);
    }

    public StateDict {
        tensors = Collections.unmodifiableMap(tensors);
        facts = Collections.unmodifiableMap(facts);
        notes = List.copyOf(notes);
    }

    /** Weights that nothing had to be done to. */
    public StateDict(Path file, String entry, Map<String, HostTensor> tensors, Map<String, @Nullable Object> facts) {
        this(file, entry, tensors, facts, List.of(), Origin.TIMM);
    }

    /** @throws CheckpointException if there is no tensor of that name */
    public HostTensor get(String name) {
        HostTensor tensor = tensors.get(name);
        if (tensor == null) {
            throw new CheckpointException(
                    file, "tensor '" + name + "' is missing; there are " + tensors.size() + " others");
        }
        return tensor;
    }
}
