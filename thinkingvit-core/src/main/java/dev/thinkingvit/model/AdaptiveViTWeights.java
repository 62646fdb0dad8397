package dev.thinkingvit.model;

import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What the weights of an A-ViT say of their network. They are a Vision Transformer's; the gate is not among them: the
 * published files have its scale and centre in their names, {@code tiny-10-30.pth}, and their training's arguments within.
 */
final class AdaptiveViTWeights implements WeightsReader {
    /**
     * A size, or avit with whatever word, then the gate; a word may follow, as of the best epoch, and a browser's number. A
     * centre has at most two digits before its point: in {@code base-16-224.pth} they are a patch's side and a picture's.
     */
    private static final Pattern PUBLISHED = Pattern.compile(
            "(?:tiny|small|base|avit\\w*(?:-[a-z]+)?)-(\\d{1,4}(?:\\.\\d{1,4})?)-(\\d{1,2}(?:\\.\\d{1,4})?)"
                    + "(?:[-_][a-z]\\w*)?(?: ?\\(\\d+\\))?\\.pth(?:\\.tar)?",
            Pattern.CASE_INSENSITIVE);

    /** Of the published evaluation: 256 pixels, of which 224 are seen. */
    private static final double CROP = 0.875;

    private final ThinkingViTWeights vit = new ThinkingViTWeights();

    /** Whether a file's name, or what it says of its training, is of an A-ViT. */
    static boolean claims(String file, Map<String, @Nullable Object> facts) {
        return PUBLISHED.matcher(file).matches()
                || (facts.get("args") instanceof Map<?, ?> args
                        && args.get("gate_scale") instanceof Number
                        && args.get("gate_center") instanceof Number);
    }

    @Override
    public boolean judgedByAverage() {
        return false;
    }

    @Override
    public void requireOwn(BareWeights weights) {
        vit.requireOwn(weights, AdaptiveViT.ARCHITECTURE, name -> false);
    }

    @Override
    public List<String> surplus(NetworkConfig network, BareWeights weights) {
        return vit.surplus(network, weights);
    }

    @Override
    public int headWidth(BareWeights weights) {
        return vit.headWidth(weights);
    }

    @Override
    public int usualHeadWidth() {
        return vit.usualHeadWidth();
    }

    @Override
    public Evaluation evaluation() {
        return new Evaluation(CROP, null);
    }

    @Override
    public void complete(Map<String, @Nullable Object> arguments, BareWeights weights, List<String> notes) {
        vit.complete(arguments, weights, notes);
        Map<?, ?> kept = weights.argument("model_kwargs") instanceof Map<?, ?> all ? all : Map.of();
        if (kept.get("halting_eps") instanceof Number eps) {
            arguments.putIfAbsent("halting_eps", eps);
        }
        gate(arguments, "gate_scale", 1, kept, weights, notes);
        gate(arguments, "gate_center", 2, kept, weights, notes);
    }

    /**
     * @param group of the published names
     * @param kept what a training of this library kept
     */
    private static void gate(
            Map<String, @Nullable Object> arguments,
            String key,
            int group,
            Map<?, ?> kept,
            BareWeights weights,
            List<String> notes) {
        if (arguments.get(key) != null) {
            return;
        }
        for (String name : weights.names()) {
            Matcher published = PUBLISHED.matcher(name);
            if (published.matches()) {
                String value = published.group(group);
                arguments.put(key, Double.parseDouble(value));
                notes.add(key + " is " + value + ", as the file's name says");
                return;
            }
        }
        Object trained = kept.get(key) == null ? weights.argument(key) : kept.get(key);
        if (!(trained instanceof Number value)) {
            throw new IllegalArgumentException("says nothing of the gate's " + key
                    + ", which weights do not tell; a name such as tiny-10-30.pth does,"
                    + " or --config, as in {\"architecture\": \"avit\", \"model_args\": {\"" + key + "\": …}}");
        }
        arguments.put(key, value.doubleValue());
        notes.add(key + " is " + value + ", as the file's args say");
    }
}
