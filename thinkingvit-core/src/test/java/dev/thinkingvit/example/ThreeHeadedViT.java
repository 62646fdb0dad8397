package dev.thinkingvit.example;

import dev.thinkingvit.model.Architecture;
import dev.thinkingvit.model.Arguments;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.model.ThinkingViTConfig;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** An architecture of another jar that a recipe's keys describe: a ThinkingViT of 1 and 3 heads of 8. */
public record ThreeHeadedViT() implements Architecture {
    @Override
    public String name() {
        return "threeheadedvit";
    }

    @Override
    public String title() {
        return "three-headed ViT";
    }

    @Override
    public boolean answersTo(String architecture) {
        return architecture.equals(name());
    }

    @Override
    public List<String> recipeKeys() {
        return List.of("depth", "img_size", "patch_size");
    }

    @Override
    public Map<String, Object> described(Map<String, Object> keys) {
        Map<String, Object> arguments = new LinkedHashMap<>(keys);
        arguments.put("thinking_stages", List.of(1, 3));
        arguments.put("num_heads", 3);
        arguments.put("embed_dim", 24);
        return arguments;
    }

    @Override
    public String stagesArgument() {
        return ThinkingViTConfig.ARCHITECTURE.stagesArgument();
    }

    @Override
    public String globalPool() {
        return ThinkingViTConfig.ARCHITECTURE.globalPool();
    }

    @Override
    public int prefixTokens() {
        return ThinkingViTConfig.ARCHITECTURE.prefixTokens();
    }

    @Override
    public NetworkConfig read(Arguments arguments) {
        return ThinkingViTConfig.ARCHITECTURE.read(arguments);
    }

    @Override
    public Map<String, Object> write(NetworkConfig config) {
        return ThinkingViTConfig.ARCHITECTURE.write(config);
    }
}
