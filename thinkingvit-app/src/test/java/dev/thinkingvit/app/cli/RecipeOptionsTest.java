package dev.thinkingvit.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.thinkingvit.train.RecipeFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;

@NullUnmarked // a null fails the test
class RecipeOptionsTest {
    @Test
    void everyKeyOfARecipeIsAnOption() {
        Map<String, String> listed = new LinkedHashMap<>();
        RecipeOptions.DESCRIPTIONS.forEach((section, keys) -> keys.keySet().forEach(key -> listed.put(key, section)));
        assertThat(listed).containsExactlyEntriesOf(RecipeFile.sections());
    }

    @Test
    void everyShippedRecipeCanBeRead() throws IOException {
        List<Path> recipes;
        try (Stream<Path> files = Files.list(Path.of("../recipes"))) {
            recipes = files.toList();
        }
        assertThat(recipes).hasSizeGreaterThanOrEqualTo(3);
        for (Path recipe : recipes) {
            assertThat(RecipeFile.read(recipe).network().stages())
                    .as("%s", recipe)
                    .isNotEmpty();
        }
    }

    @Test
    void aBadValueIsNamedWithItsKey() {
        CommandRun run = CommandRun.of(
                "train", "--recipe=../recipes/cifar10-3h-6h.yaml", "--data=x", "--out=target/none", "--lr=abc");
        assertThat(run.code()).isEqualTo(Main.USAGE);
        assertThat(run.err()).contains("optimizer.lr must be a number, got 'abc'");
    }
}
