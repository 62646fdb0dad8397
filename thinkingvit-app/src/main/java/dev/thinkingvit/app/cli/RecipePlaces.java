package dev.thinkingvit.app.cli;

import dev.thinkingvit.archive.Archives;
import dev.thinkingvit.train.RecipeSource;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Where a recipe says that the pictures lie, as timm looks for them: a folder, or a tar, a split, by any of its usual names. */
record RecipePlaces(RecipeSource source) {
    private static final List<String> TRAINING = List.of("train", "training");
    private static final List<String> VALIDATION = List.of("val", "valid", "validation", "eval", "evaluation");

    /** The folder or tar of the training pictures; null if there is none here. */
    @Nullable String training() {
        return split(source.trainSplit(), TRAINING);
    }

    /** The folder or tar of the validation pictures; null if there is none here. */
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
        return names.flatMap(name -> Stream.of(folder.resolve(name), folder.resolve(name + ".tar")))
                .filter(place -> Files.isDirectory(place) || (Archives.isTarName(place) && Files.isRegularFile(place)))
                .findFirst()
                .map(Path::toString)
                .orElse(null);
    }
}
