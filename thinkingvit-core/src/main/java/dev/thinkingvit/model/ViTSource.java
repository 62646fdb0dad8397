package dev.thinkingvit.model;

import dev.thinkingvit.model.WarmStart.Kind;
import dev.thinkingvit.model.WarmStart.Remark;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.tensor.HostTensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The tensors of a plain ViT or DeiT at their own width, but brought to a model's geometry: the position embedding with
 * the class token's row and the model's grid, the patch embedding with the model's patch. Distillation is dropped, and
 * LayerScale (Touvron et al., "Going deeper with Image Transformers", 2021) folded into the layers that it scales.
 */
final class ViTSource {
    private static final String POSITIONS = "pos_embed";
    private static final String PATCHES = "patch_embed.proj.weight";
    private static final String DISTILLATION_TOKEN = "dist_token";
    private static final int CHANNELS = 3;

    private final ThinkingViTConfig config;
    private final @Nullable ImageSize seen;
    private final Map<String, HostTensor> tensors;
    private final List<Remark> remarks = new ArrayList<>();

    private ViTSource(Map<String, HostTensor> tensors, ThinkingViTConfig config, @Nullable ImageSize seen) {
        this.config = config;
        this.seen = seen;
        this.tensors = new LinkedHashMap<>(tensors);
        fitPositions();
        fitPatches();
        foldLayerScale();
        dropDistillation();
        takeNormOfAverage();
    }

    /**
     * The tensors of a plain ViT, a DeiT or a ThinkingViT. What no resampling brings to the model's geometry is gone, and
     * remarked on.
     *
     * @param tensors under timm's names, of any type; not changed
     * @param config whose geometry is wanted
     * @param seen size of the pictures that they were trained on; null where nothing says
     */
    static WarmSource of(Map<String, HostTensor> tensors, ThinkingViTConfig config, @Nullable ImageSize seen) {
        ViTSource source = new ViTSource(tensors, config, seen);
        return WarmSource.published(source.tensors, source.width(), config, source.remarks);
    }

    /** Width of the source; 0 if no tensor tells. */
    private int width() {
        HostTensor tensor = floats("cls_token", 3);
        for (String norm : List.of("norm.weight", "blocks.0.norm1.weight")) {
            tensor = tensor == null ? floats(norm, 1) : tensor;
        }
        if (tensor == null) {
            HostTensor patches = floats(PATCHES, 4);
            return patches == null ? 0 : size(patches, 0);
        }
        return size(tensor, tensor.shape().length - 1);
    }

    private void fitPositions() {
        HostTensor tensor = floats(POSITIONS, 3); // (1, rows, width)
        if (tensor == null) {
            return;
        }
        int rows = size(tensor, 1);
        int width = size(tensor, 2);
        List<ImageSize> grids = grids(rows);
        int prefix = prefix(rows, grids);
        if (prefix < 0 || tensor.shape()[0] != 1) {
            skip(
                    POSITIONS,
                    "pos_embed is of shape " + Arrays.toString(tensor.shape())
                            + ": no row of a class token and a square of patches"
                            + (seen == null ? "" : ", nor those of pictures of " + seen + " pixels"));
            return;
        }
        float[] values = tensor.toFloats();
        float[] patches = Arrays.copyOfRange(values, prefix * width, values.length);
        ImageSize grid = grid(rows - prefix, grids);
        ImageSize wanted = config.grid();
        if (!grid.equals(wanted)) {
            patches = PatchGeometry.positions(patches, grid, wanted, width);
            adapted(
                    POSITIONS,
                    String.format(
                            "pos_embed is resampled from %d × %d patches to %d × %d",
                            grid.height(), grid.width(), wanted.height(), wanted.width()));
        }
        float[] fitted = new float[config.tokens() * width];
        if (prefix == 0) {
            adapted(POSITIONS, "the source gives its class token no position: that row of pos_embed starts at zero");
        } else {
            System.arraycopy(values, 0, fitted, 0, width);
        }
        if (prefix > 1) {
            adapted(POSITIONS, "pos_embed loses the rows of other tokens than class and patches: " + (prefix - 1));
        }
        System.arraycopy(patches, 0, fitted, width, patches.length);
        tensors.put(POSITIONS, HostTensor.of(fitted, 1, config.tokens(), width));
    }

    /** Grids of patches that are known to be likely, the likeliest first: that of the pictures seen, and the model's own. */
    private List<ImageSize> grids(int rows) {
        List<ImageSize> grids = new ArrayList<>();
        HostTensor patch = floats(PATCHES, 4);
        if (seen != null && patch != null && size(patch, 2) <= seen.height() && size(patch, 3) <= seen.width()) {
            grids.add(new ImageSize(seen.height() / size(patch, 2), seen.width() / size(patch, 3)));
        }
        if (rows == config.tokens() && side(config.patches()) == 0) {
            grids.add(config.grid());
        }
        return grids;
    }

    /** Rows before the patches', which are those of a likely grid or a square: the class token's and others'; −1 if none fits. */
    private int prefix(int rows, List<ImageSize> grids) {
        int others = tensors.containsKey(DISTILLATION_TOKEN) ? 1 : 0;
        for (String name : List.of("reg_token", "register_tokens")) {
            HostTensor registers = floats(name, 3);
            others += registers == null ? 0 : size(registers, 1);
        }
        int[] prefixes = {1 + others, 1, 0, 2};
        for (int prefix : prefixes) {
            if (rows > prefix && grids.stream().anyMatch(grid -> covers(grid, rows - prefix))) {
                return prefix;
            }
        }
        for (int prefix : prefixes) {
            if (rows > prefix && side(rows - prefix) > 0) {
                return prefix;
            }
        }
        return -1;
    }

    /** A configuration may claim sizes whose product is no int. */
    private static boolean covers(ImageSize grid, int patches) {
        return (long) grid.height() * grid.width() == patches;
    }

    private static ImageSize grid(int patches, List<ImageSize> grids) {
        return grids.stream()
                .filter(grid -> covers(grid, patches))
                .findFirst()
                .orElseGet(() -> ImageSize.square(side(patches)));
    }

    /** The root of a square number; 0 of any other. */
    private static int side(int patches) {
        int side = (int) Math.round(Math.sqrt(patches));
        return side * side == patches ? side : 0;
    }

    private void fitPatches() {
        HostTensor tensor = floats(PATCHES, 4); // (width, channels, height, width of a patch)
        if (tensor == null) {
            return;
        }
        if (size(tensor, 1) != CHANNELS) {
            skip(
                    PATCHES,
                    "the source sees pictures of " + size(tensor, 1) + " channels, this model of " + CHANNELS
                            + " (patch_embed.proj.weight is of shape " + Arrays.toString(tensor.shape()) + ")");
            return;
        }
        int height = size(tensor, 2);
        int width = size(tensor, 3);
        int wanted = config.patchSize();
        if (height != wanted || width != wanted) {
            float[] fitted = PatchGeometry.patches(tensor.toFloats(), height, width, wanted);
            tensors.put(PATCHES, HostTensor.of(fitted, tensor.shape()[0], CHANNELS, wanted, wanted));
            adapted(
                    PATCHES,
                    String.format(
                            "patch_embed is resampled from patches of %d × %d pixels to %d × %d",
                            height, width, wanted, wanted));
        }
    }

    private void foldLayerScale() {
        int folded = 0;
        for (int block = 0; block < config.depth(); block++) {
            String prefix = "blocks." + block + ".";
            for (String name : List.of("ls1.gamma", "gamma_1")) {
                folded += fold(prefix + name, prefix + "attn.proj") ? 1 : 0;
            }
            for (String name : List.of("ls2.gamma", "gamma_2")) {
                folded += fold(prefix + name, prefix + "mlp.fc2") ? 1 : 0;
            }
        }
        if (folded > 0) {
            adapted("gamma", "LayerScale is folded into attn.proj and mlp.fc2: " + folded + " scales");
        }
    }

    /** Scales the rows of a layer's weight and its bias, if all are there and fit. */
    private boolean fold(String scale, String layer) {
        HostTensor gamma = floats(scale, 1);
        HostTensor weight = floats(layer + ".weight", 2);
        HostTensor bias = floats(layer + ".bias", 1);
        if (gamma == null
                || weight == null
                || weight.shape()[0] != gamma.elements()
                || (bias != null && bias.elements() != gamma.elements())) {
            return false;
        }
        float[] factors = gamma.toFloats();
        tensors.put(layer + ".weight", scaled(weight, factors));
        if (bias != null) {
            tensors.put(layer + ".bias", scaled(bias, factors));
        }
        tensors.remove(scale);
        return true;
    }

    private static HostTensor scaled(HostTensor tensor, float[] factors) {
        float[] values = tensor.toFloats();
        int row = values.length / Math.max(1, factors.length);
        for (int i = 0; i < values.length; i++) {
            values[i] *= factors[i / row];
        }
        return HostTensor.of(values, tensor.shape());
    }

    private void dropDistillation() {
        int before = tensors.size();
        tensors.keySet().removeIf(name -> name.equals(DISTILLATION_TOKEN) || name.startsWith("head_dist."));
        if (tensors.size() < before) {
            adapted(DISTILLATION_TOKEN, "the source's distillation token and its head are dropped");
        }
    }

    /** A ViT that averages its patches normalises their average, not what it averages. */
    private void takeNormOfAverage() {
        if (tensors.containsKey("norm.weight") || !tensors.containsKey("fc_norm.weight")) {
            return;
        }
        for (String name : List.of("weight", "bias")) {
            HostTensor tensor = tensors.remove("fc_norm." + name);
            if (tensor != null) {
                tensors.put("norm." + name, tensor);
            }
        }
        adapted(
                "fc_norm",
                "the source classifies the average of its patches, this model its class token: fc_norm serves as norm");
    }

    private void adapted(String name, String line) {
        remarks.add(new Remark(Kind.ADAPTED, name, line));
    }

    private void skip(String name, String why) {
        tensors.remove(name);
        remarks.add(new Remark(Kind.SKIPPED, name, "tensor " + name + " stays random: " + why));
    }

    /** The tensor, if it is there, of a float type, of that many axes, and not empty. */
    private @Nullable HostTensor floats(String name, int axes) {
        HostTensor tensor = tensors.get(name);
        boolean fits =
                tensor != null && tensor.dtype().isFloating() && tensor.shape().length == axes && tensor.elements() > 0;
        return fits ? tensor : null;
    }

    private static int size(HostTensor tensor, int axis) {
        return Math.toIntExact(tensor.shape()[axis]);
    }
}
