package dev.thinkingvit.tensor;

import dev.thinkingvit.inference.ElasticClassifier;
import dev.thinkingvit.model.NestedNetwork;
import dev.thinkingvit.model.PackedBackbone;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.model.ThinkingViTConfig;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A program that makes each of the calls that may be a process's first to need natives, again and again. */
final class FirstCalls {
    private FirstCalls() {}

    /** Prints a line a call. */
    public static void main(String... arguments) {
        Path model = Path.of("src/test/resources/reference/vit-3h-6h");
        ThinkingViTConfig config = new ThinkingViTConfig(32, 16, 64, 1, 2, List.of(1, 2), 6, 1e-6);
        Map<String, Runnable> calls = new LinkedHashMap<>();
        calls.put("open", () -> ElasticClassifier.open(model).close());
        calls.put("openIn", () -> ElasticClassifier.open(model, Precision.FP32).close());
        calls.put("isFastHere", Precision.BF16::isFastHere);
        calls.put("initialise", () -> NestedNetwork.initialise(config, 1).close());
        calls.put("pack", () -> PackedBackbone.of(config, Map.of(), Precision.FP32));
        calls.put("floats", () -> Tensors.floats(new float[1], 0, 1));
        calls.put("toNative", () -> Tensors.toNative(HostTensor.of(new float[1], 1)));
        calls.put("scope", () -> new Scope().close());
        calls.put("cudaDevices", TorchDevice::cudaDevices);
        calls.put("compute", () -> ComputeThread.call(() -> 1));
        for (int turn = 0; turn < 2; turn++) {
            calls.forEach((name, call) -> System.out.println(name + " " + outcome(call)));
        }
    }

    private static String outcome(Runnable call) {
        try {
            call.run();
            return "went well";
        } catch (Throwable e) {
            return e.getClass().getSimpleName() + ": " + e.getMessage();
        }
    }
}
