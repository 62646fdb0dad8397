package dev.thinkingvit.eval;

import dev.thinkingvit.data.BatchLoader;
import dev.thinkingvit.files.AtomicFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.function.IntFunction;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * What a model said of every picture, as JSON lines: one object a picture with what each stage thought, whatever the
 * threshold, and with what the picture ended at the thresholds that were chosen. Pictures that could not be read come
 * last, with the reason.
 */
public final class PredictionLines {
    private final Recording recording;
    private final List<Double> thresholds;
    private final IntFunction<String> name;

    /**
     * @param thresholds where pictures stop: one for all boundaries between stages, or one for each; none for never
     * @param name of a class
     */
    public PredictionLines(Recording recording, List<Double> thresholds, IntFunction<String> name) {
        this.recording = recording;
        this.thresholds = List.copyOf(thresholds);
        this.name = name;
    }

    /** Writes a file, as a whole or not at all. */
    public void write(Path file) throws IOException {
        AtomicFiles.write(file, out -> {
            for (ImageRecord image : recording.images()) {
                out.write(line(image));
            }
            for (BatchLoader.Failure failure : recording.skipped()) {
                out.write(bytes(JsonNodeFactory.instance
                        .objectNode()
                        .put("file", failure.sample().path().toString())
                        .put("error", failure.message())));
            }
        });
    }

    private byte[] line(ImageRecord image) {
        int exit = recording.exit(image, thresholds);
        ObjectNode line = JsonNodeFactory.instance.objectNode();
        line.put("file", image.path().toString());
        ArrayNode answers = line.putArray("answers");
        ArrayNode indices = line.putArray("answer_indices");
        for (int label : image.labels()) {
            answers.add(name.apply(label));
            indices.add(label);
        }
        put(line, image.stage(exit));
        line.put("stage", exit);
        line.put("gmacs", image.stage(exit).macs() / 1e9);
        ArrayNode stages = line.putArray("stages");
        for (StageRecord stage : image.stages()) {
            ObjectNode thought = stages.addObject();
            put(thought, stage);
            thought.put("entropy", stage.entropyNats());
            thought.put("measure", stage.measure());
            String loss = stage.predicted() == Score.Fared.NO_CLASS ? "loss" : "cross_entropy";
            if (Double.isFinite(stage.loss())) {
                thought.put(loss, stage.loss());
            } else {
                thought.putNull(loss); // JSON has no infinity
            }
        }
        return bytes(line);
    }

    private void put(ObjectNode node, StageRecord stage) {
        if (stage.predicted() != Score.Fared.NO_CLASS) {
            node.put("label", name.apply(stage.predicted()));
        } else {
            node.putNull("label");
        }
        node.put("label_index", stage.predicted());
        node.put("probability", stage.probability());
        if (stage.predicted() == Score.Fared.NO_CLASS) {
            node.put("score", stage.score()); // of a class what is correct says it
        }
        node.put("correct", stage.inTop1());
        node.put("in_top5", stage.inTop5());
    }

    private static byte[] bytes(ObjectNode line) {
        return (line + "\n").getBytes(StandardCharsets.UTF_8);
    }
}
