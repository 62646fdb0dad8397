package dev.thinkingvit.model;

import dev.thinkingvit.model.WarmStart.Kind;
import dev.thinkingvit.model.WarmStart.Remark;
import dev.thinkingvit.network.Windows;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.tensor.HostTensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The tensors of a Swin Transformer, plain or thinking, at their own width, but brought to a model's geometry: the tables of
 * biases to its windows, the patch embedding to its patches.
 */
final class SwinSource {
    private static final String PATCHES = "patch_embed.proj.weight";

    private final SwinConfig config;
    private final BiasTables.Manner manner;
    private final Map<String, HostTensor> tensors;
    private final List<Remark> remarks = new ArrayList<>();

    private SwinSource(Map<String, HostTensor> tensors, String library, SwinConfig config) {
        this.config = config;
        this.manner = library.startsWith("Microsoft") ? BiasTables.Manner.MICROSOFT : BiasTables.Manner.TIMM;
        this.tensors = new LinkedHashMap<>(tensors);
        fitTables();
        fitPatches();
    }

    /**
     * What no resampling brings to the model's geometry is left as it is, for the layer above to say that it does not fit.
     *
     * @param tensors under timm's names, of any type; not changed
     * @param library whose the file is; Microsoft's tables are resized as its own code does, others as timm's
     * @param config whose geometry is wanted
     * @throws IllegalArgumentException if the source is a Swin Transformer that is wider than the model, or of fewer or more
     *     levels
     */
    static WarmSource of(Map<String, HostTensor> tensors, String library, SwinConfig config) {
        SwinSource fitted = new SwinSource(tensors, library, config);
        WarmSource source = WarmSource.published(fitted.tensors, config, fitted.remarks);
        int levels = 0;
        while (tensors.containsKey(SwinConfig.biasTable(levels, 0))) {
            levels++;
        }
        if (levels > 0 && levels != config.levels()) {
            throw new IllegalArgumentException(String.format(
                    "weights of %d levels do not become a %s of %d: as many are required",
                    levels, config.architecture().title(), config.levels()));
        }
        if (levels > 0 && source.width() > config.numFeatures()) {
            throw new IllegalArgumentException(String.format(
                    "weights of embed_dim %d do not become a %s of embed_dim %d: its rounds read the leading rows of queries,"
                            + " keys and values together, which of a wider network are other ones; embed_dim %d or less is"
                            + " required",
                    source.width() >> (config.levels() - 1),
                    config.architecture().title(),
                    config.embedDim(),
                    config.embedDim()));
        }
        return source;
    }

    private void fitTables() {
        Map<String, Integer> resized = new LinkedHashMap<>(); // blocks, by what was done to their tables
        Map<String, String> names = new LinkedHashMap<>();
        for (int level = 0; level < config.levels(); level++) {
            ImageSize wanted = config.window(level);
            for (int block = 0; block < config.depths().get(level); block++) {
                String name = SwinConfig.biasTable(level, block);
                HostTensor tensor = tensors.get(name);
                int side = tensor == null || tensor.shape().length != 2 ? 0 : window(tensor.shape()[0]);
                if (tensor == null
                        || side == 0
                        || !tensor.dtype().isFloating()
                        || tensor.shape()[1] < 1
                        || wanted.equals(ImageSize.square(side))) {
                    continue;
                }
                int heads = Math.toIntExact(tensor.shape()[1]);
                float[] fitted = BiasTables.resized(tensor.toFloats(), ImageSize.square(side), wanted, heads, manner);
                tensors.put(name, HostTensor.of(fitted, fitted.length / heads, heads));
                String what = String.format(
                        "from windows of %d × %d to %d × %d", side, side, wanted.height(), wanted.width());
                resized.merge(what, 1, Integer::sum);
                names.putIfAbsent(what, name);
            }
        }
        resized.forEach((what, blocks) -> remarks.add(new Remark(
                Kind.ADAPTED,
                String.valueOf(names.get(what)),
                "relative_position_bias_table of " + blocks + (blocks == 1 ? " block is" : " blocks is") + " resized "
                        + what
                        + (manner == BiasTables.Manner.TIMM ? ", as timm does" : ", as Microsoft's code does"))));
    }

    /** The side of the window whose table has so many rows; 0 if there is no square one. */
    private static int window(long rows) {
        int side = (int) Math.round((Math.sqrt((double) rows) + 1) / 2);
        return rows > 0
                        && side <= SwinConfig.MAX_WINDOW
                        && new Windows(side, side, side, side, 0, 0).biasTable() == rows
                ? side
                : 0;
    }

    private void fitPatches() {
        HostTensor tensor = tensors.get(PATCHES);
        if (tensor == null || !tensor.dtype().isFloating() || tensor.shape().length != 4 || tensor.elements() == 0) {
            return;
        }
        long[] shape = tensor.shape(); // (D, channels, height, width of a patch)
        int wanted = config.patchSize();
        if (Arrays.stream(shape).skip(2).allMatch(side -> side == wanted)) {
            return;
        }
        int height = Math.toIntExact(shape[2]);
        int width = Math.toIntExact(shape[3]);
        float[] fitted = PatchGeometry.patches(tensor.toFloats(), height, width, wanted);
        tensors.put(PATCHES, HostTensor.of(fitted, shape[0], shape[1], wanted, wanted));
        remarks.add(new Remark(
                Kind.ADAPTED,
                PATCHES,
                String.format(
                        "patch_embed is resampled from patches of %d × %d pixels to %d × %d",
                        height, width, wanted, wanted)));
    }
}
