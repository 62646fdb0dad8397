package dev.thinkingvit.model;

import dev.thinkingvit.network.Axis;
import dev.thinkingvit.network.Axis.Meaning;
import dev.thinkingvit.network.Layers;
import dev.thinkingvit.network.Linear;
import dev.thinkingvit.network.Norm;
import dev.thinkingvit.network.Parameter;
import java.util.List;
import java.util.function.BinaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A Vision Transformer's pre-norm block under timm's names: attention, then an MLP four times as wide.
 *
 * <p>{@code B} images, {@code N} tokens, {@code d} width of a stage.
 */
record PreNormBlock(Norm norm1, Linear qkv, Linear projection, Norm norm2, Linear fc1, Linear fc2) {
    /**
     * @param name in front of its layers' names, such as {@code blocks.0.}
     * @param layer see {@link Parameter#layer()}
     * @param width at full width
     * @param widths of each stage; empty if every stage reads all of it
     * @param headDim width of a head
     */
    static PreNormBlock of(String name, int layer, int width, List<Integer> widths, int headDim, double eps) {
        Axis features = Axis.leading(width, widths);
        Axis hidden = Axis.leading(
                        ThinkingViTConfig.mlpWidth(width),
                        widths.stream().map(ThinkingViTConfig::mlpWidth).toList())
                .of(Meaning.HIDDEN);
        Axis qkv = Axis.chunks(3, width, widths).scaled(List.of((float) (1 / Math.sqrt(headDim)), 1f, 1f));
        return new PreNormBlock(
                Norm.of(name + "norm1", layer, features, eps),
                Linear.of(name + "attn.qkv", layer, qkv, features),
                Linear.of(name + "attn.proj", layer, features, features),
                Norm.of(name + "norm2", layer, features, eps),
                Linear.of(name + "mlp.fc1", layer, hidden, features),
                Linear.of(name + "mlp.fc2", layer, features, hidden));
    }

    void addTo(List<Parameter> parameters) {
        norm1.addTo(parameters);
        qkv.addTo(parameters);
        projection.addTo(parameters);
        norm2.addTo(parameters);
        fc1.addTo(parameters);
        fc2.addTo(parameters);
    }

    /**
     * On (B, N, d).
     *
     * @param sum how a branch is added: {@link Layers#residual}, or {@link Layers#add} where none may be left out
     */
    <T> T run(Layers<T> on, T x, int heads, BinaryOperator<T> sum) {
        return run(on, x, heads, null, sum);
    }

    /** @param chosen the tokens that take part: see {@link Layers#choose}; null for all */
    <T> T run(Layers<T> on, T x, int heads, @Nullable T chosen, BinaryOperator<T> sum) {
        T mixed = on.attention(on.linear(on.norm(x, norm1), qkv), heads, chosen); // (B, N, d)
        return behind(on, x, mixed, sum);
    }

    /** What comes out for the first token alone: (B, 1, d). */
    <T> T runFirst(Layers<T> on, T x, int heads, BinaryOperator<T> sum) {
        T mixed = on.firstAttention(on.linear(on.norm(x, norm1), qkv), heads); // (B, 1, d)
        return behind(on, on.section(x, 0, 1), mixed, sum);
    }

    /** @param mixed what attention says of the tokens {@code x} */
    private <T> T behind(Layers<T> on, T x, T mixed, BinaryOperator<T> sum) {
        T attended = sum.apply(x, on.linear(mixed, projection));
        T hidden = on.gelu(on.linear(on.norm(attended, norm2), fc1)); // (B, N, 4d)
        return sum.apply(attended, on.linear(hidden, fc2));
    }
}
