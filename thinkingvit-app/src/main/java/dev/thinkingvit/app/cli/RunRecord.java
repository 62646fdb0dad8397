package dev.thinkingvit.app.cli;

import dev.thinkingvit.checkpoint.AtomicFiles;
import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.files.TextFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;

/**
 * What a training was begun with besides its recipe, so that it can go on without being told again.
 *
 * @param data training pictures
 * @param val validation pictures; null for none, or for some of the training pictures
 * @param holdout training pictures kept back for validation
 * @param init checkpoint that gave the first weights
 * @param teacher whom it learns from; null for nobody
 * @param command line that began it
 * @param version of the program
 */
record RunRecord(
        String data,
        @Nullable String val,
        int holdout,
        @Nullable String init,
        @Nullable TeacherRecord teacher,
        String command,
        String version) {
    private static final String NAME = "run.json";

    private static final JsonMapper MAPPER = JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .build();

    /** The same with pictures in another place. */
    RunRecord with(String otherData, @Nullable String otherVal) {
        return new RunRecord(otherData, otherVal, holdout, init, teacher, command, version);
    }

    /** The same with what is known of the teacher now. */
    RunRecord with(@Nullable TeacherRecord known) {
        return new RunRecord(data, val, holdout, init, known, command, version);
    }

    /** What is read beside pictures, by the option that names it. */
    Map<String, Path> sources() {
        return init == null ? Map.of() : Map.of("init", Path.of(init));
    }

    static boolean isIn(Path folder) {
        return Files.exists(folder.resolve(NAME));
    }

    static RunRecord read(Path folder) throws IOException {
        Path file = folder.resolve(NAME);
        try {
            return ofText(TextFile.read(file));
        } catch (JacksonException e) {
            throw new CheckpointException(file, "is damaged: " + Reasons.of(e), e);
        }
    }

    static RunRecord ofText(String json) {
        return MAPPER.readValue(json, RunRecord.class);
    }

    String text() {
        return MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(this) + "\n";
    }

    void write(Path folder) throws IOException {
        AtomicFiles.writeString(folder.resolve(NAME), text());
    }
}
