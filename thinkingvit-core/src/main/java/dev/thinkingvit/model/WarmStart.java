package dev.thinkingvit.model;

import dev.thinkingvit.network.Axis;
import dev.thinkingvit.network.Parameter;
import dev.thinkingvit.network.Parameter.Role;
import dev.thinkingvit.tensor.HostTensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * First weights of a network from a trained one of its kind, of whatever width: every tensor goes to the leading slice of
 * the parameter of its name, chunk by chunk where an axis has chunks ({@link Axis}), as queries, keys and values of a ViT. A
 * wider source is cut by that, a narrower one laid into the wider model, whose stage of the source's width then reads the
 * source's weights (the published trainings start so, from DeiT-Tiny). What the source does not fill stays as it was drawn;
 * what recycles tokens is never taken.
 *
 * <p>A ThinkingViT starts from a plain ViT or DeiT too, whose other grids and patches are
 * {@linkplain PatchGeometry resampled}; what else an architecture starts from, its {@link NetworkConfig#warmSource} knows.
 *
 * <p>{@code D} the model's width, {@code w} the source's.
 *
 * @param weights exactly the parameters of {@link NetworkConfig#parameterShapes()}, F32
 * @param width of the source; 0 if no tensor tells
 * @param copied names of the parameters of which at least a slice comes from the source
 * @param values that come from the source
 * @param share of what should come from a source and does, 0–1: of the source's own values or of those that stage 1
 *     reads, whichever is more. Heads, which every task has of its own, and what recycles tokens do not count. Near 0 of
 *     a source of another kind
 * @param remarks what was done with the source, and what of it came to nothing
 */
public record WarmStart(
        Map<String, HostTensor> weights,
        int width,
        List<String> copied,
        long values,
        double share,
        List<Remark> remarks) {
    private static final int NAMES = 3;

    /** What a remark is about. */
    public enum Kind {
        /** The source's width beside the model's. */
        WIDTH("note", ""),
        /** The head. */
        HEAD("note", ""),
        /** A tensor was changed to serve the model. */
        ADAPTED("note", ""),
        /** A parameter has nothing in the source. */
        MISSING("warning", "tensors or blocks are missing in the source and stay random"),
        /** A parameter's tensor does not fit. */
        SKIPPED("warning", "tensors of the source do not fit and stay random"),
        /** A tensor has no parameter. */
        LEFT_OVER("warning", "tensors or blocks of the source are left over: the model computes without them");

        private final String level;
        private final String plural;

        Kind(String level, String plural) {
            this.level = level;
            this.plural = plural;
        }
    }

    /**
     * @param kind what it is about
     * @param name of what it is about, such as a tensor; {@code blocks.i.*} for a whole block
     * @param line all there is to say
     */
    public record Remark(Kind kind, String name, String line) {}

    public WarmStart {
        copied = List.copyOf(copied);
        remarks = List.copyOf(remarks);
    }

    /**
     * Lays a source into a model.
     *
     * @param source tensors under timm's names, of any type; not changed
     * @param config the model to start
     * @param seed of what the source does not fill
     * @param head what becomes of the source's head
     */
    public static WarmStart of(Map<String, HostTensor> source, NetworkConfig config, long seed, ClassHead head) {
        return of(
                config.warmSource(source, "", null), config, config.parameters().draw(seed), head);
    }

    /**
     * As {@link #of(Map, NetworkConfig, long, ClassHead)}, over the given parameters.
     *
     * @param source of {@link NetworkConfig#warmSource}
     * @param drawn F32; not changed
     */
    public static WarmStart of(WarmSource source, NetworkConfig config, Map<String, HostTensor> drawn, ClassHead head) {
        return new Laying(source, config, drawn, head).done();
    }

    /** Classes that the head of a source of a model tells apart; 0 if it has none. */
    public static int classes(Map<String, HostTensor> source, NetworkConfig config) {
        for (Parameter parameter : config.parameters().all()) {
            int axis = parameter.axis(Axis.Meaning.CLASSES).orElse(-1);
            HostTensor tensor = source.get(parameter.name());
            if (parameter.role() == Role.HEAD
                    && axis >= 0
                    && parameter.axes().size() > 1
                    && tensor != null
                    && tensor.shape().length == parameter.axes().size()
                    && tensor.elements() > 0) {
                return Math.toIntExact(tensor.shape()[axis]);
            }
        }
        return 0;
    }

    /** The remarks a line each, what was done before what came to nothing; many of a kind make one line. */
    public List<String> summary() {
        List<String> lines = new ArrayList<>();
        for (Kind kind : Kind.values()) {
            List<Remark> those =
                    remarks.stream().filter(remark -> remark.kind() == kind).toList();
            if (those.size() <= NAMES || kind.plural.isEmpty()) {
                those.forEach(remark -> lines.add(kind.level + ": " + remark.line()));
            } else {
                String names = those.stream().limit(NAMES).map(Remark::name).collect(Collectors.joining(", "));
                lines.add(kind.level + ": " + those.size() + " " + kind.plural + " (" + names + ", …)");
            }
        }
        return lines;
    }
}
