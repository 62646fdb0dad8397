package dev.thinkingvit.app.cli;

import dev.thinkingvit.train.RecipeSource;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Where a recipe says that the pictures lie, as timm looks for them: a folder a split, by any of its usual names. */
record RecipePlaces(RecipeSource source) {
    private static final List<String> TRAINING = List.of("train", "training");
    private static final List<String> VALIDATION = List.of("val", "valid", "validation", "eval", "evaluation");

    /** The folder of the training pictures; null if there is none here. */
    @Nullable String training() {
        return split(source.trainSplit(), TRAINING);
    }

    /** The folder of the validation pictures; null if there is none here. */
    @Nullable String validation() {
        return split(source.valSplit(), VALIDATION);
    }

    private @Nullable String split(String named, List<String> usual) {
        String data = source.data();
        if (data == null) {
            return null;
        }
        Path folder = Path.of(data).toAbsolutePath().normalize();
        Stream<String> names =
                usual.contains(named) ? Stream.concat(Stream.of(named), usual.stream()) : Stream.of(named);
        return names.map(folder::resolve)
                .filter(Files::isDirectory)
                .findFirst()
                .map(Path::toString)
                .orElse(null);
    }
}
