package dev.thinkingvit.network;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A network that says more than its tokens and its prediction: its last token, and its second. */
public record Talkative(Network inner) implements Network {
    @Override
    public <T> Output<T> stage(Layers<T> on, int stage, T images, @Nullable T previous) {
        Output<T> output = inner.stage(on, stage, images, previous);
        int tokens = Math.toIntExact(inner.ports(stage).tokens().get(0));
        Map<String, T> extras = new LinkedHashMap<>();
        extras.put("last", on.token(output.tokens(), tokens - 1));
        extras.put("second", on.token(output.tokens(), 1));
        return new Output<>(output.tokens(), output.prediction(), extras);
    }

    @Override
    public Ports ports(int stage) {
        Ports ports = inner.ports(stage);
        List<Long> width = ports.tokens().subList(1, 2);
        Map<String, List<Long>> extras = new LinkedHashMap<>();
        extras.put("last", width);
        extras.put("second", width);
        return new Ports(ports.images(), ports.previous(), ports.tokens(), ports.prediction(), extras);
    }

    @Override
    public Parameters parameters() {
        return inner.parameters();
    }

    @Override
    public int stages() {
        return inner.stages();
    }

    @Override
    public int depth() {
        return inner.depth();
    }

    @Override
    public int depth(int stage) {
        return inner.depth(stage);
    }
}
