package dev.thinkingvit.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.thinkingvit.train.RecipeFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@NullUnmarked // a null fails the test
class RecipeOptionsTest {
    @Test
    void everyKeyOfARecipeIsAnOption() {
        Map<String, String> listed = new LinkedHashMap<>();
        RecipeOptions.DESCRIPTIONS.forEach((section, keys) -> keys.keySet().forEach(key -> listed.put(key, section)));
        assertThat(listed.remove("head_rounds")).isEqualTo("network"); // of model_kwargs
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
            assertThat(RecipeFile.read(recipe).network().config(10).shorthand())
                    .as("%s", recipe)
                    .isNotEmpty();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "train --out=x --data=y --epochs=3 --epochs=4",
                "train --out=x --data=y --stages=1,2 --stages=3",
                "train --out=x --data=y --head-rounds=1,2 --head-rounds=3,4",
                "train --out=x --data=y --resume --resume",
                "train --out=x --data=y --recipe=a --recipe=b",
                "classify x --threshold=0.1 --threshold=0.2",
                "evaluate --data=x --model=y --model=z",
                "train --out=x --data=y --model-kwargs a=1 b=2 --model-kwargs c=3",
                "info --verbose -v x"
            })
    void anOptionThatIsGivenTwiceIsRefusedWhateverItIs(String line) {
        CommandRun run = CommandRun.of((Object[]) line.split(" ", -1));
        assertThat(run.code()).as(run.err()).isEqualTo(Main.USAGE);
        assertThat(run.err()).contains("should be specified only once");
    }

    @ParameterizedTest
    @ValueSource(strings = {"(1,2,4) (2,4,9)", "(1,2,4)|(2,4,9)", "1|2|4|2|4|9", "1,2,4;2,4,9"})
    void roundsAreGivenInOneWordOrInSeveral(String words) {
        List<String> line = new ArrayList<>(List.of("train", "--recipe=../recipes/cifar10-swin.yaml"));
        line.addAll(List.of("--model-kwargs=embed_dim=24 depths=[1,1,1] num_heads=[2,4,8] window_size=4"));
        line.add("--head-rounds");
        line.addAll(List.of(words.split("\\|", -1)));
        line.addAll(List.of("--data=x", "--out=target/none"));
        CommandRun run = CommandRun.of(line.toArray());
        assertThat(run.code()).as(run.err()).isEqualTo(Main.USAGE);
        assertThat(run.err()).contains("head_rounds needs 1 to num_heads [2, 4, 8] for each level, got [2, 4, 9]");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "pruning_loc=[1, 3]|token_ratio=[1.0, 0.5]|base_rate=null",
                "pruning_loc=[1, 3] token_ratio=[1.0, 0.5] base_rate=null"
            })
    void argumentsAreGivenInOneWordOrInSeveral(String words) {
        List<String> line = new ArrayList<>(List.of("train", "--recipe=../recipes/cifar10-dynamicvit-3h-6h.yaml"));
        line.addAll(List.of("--data=x", "--out=target/none"));
        line.add("--model-kwargs");
        line.addAll(List.of(words.split("\\|", -1)));
        CommandRun run = CommandRun.of(line.toArray());
        assertThat(run.code()).as(run.err()).isEqualTo(Main.USAGE);
        assertThat(run.err())
                .contains(
                        "token_ratio must lie between 0 and 1, without either, and none be larger than the one before, got [1.0, 0.5]");
    }

    @Test
    void aBadValueIsNamedWithItsKey() {
        CommandRun run = CommandRun.of(
                "train", "--recipe=../recipes/cifar10-3h-6h.yaml", "--data=x", "--out=target/none", "--lr=abc");
        assertThat(run.code()).isEqualTo(Main.USAGE);
        assertThat(run.err()).contains("optimizer.lr must be a number, got 'abc'");
    }
}
