package dev.thinkingvit.app.cli;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.train.TeacherModel;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Whom a training learns from.
 *
 * @param path where the teacher lies
 * @param fingerprint {@link TeacherModel#fingerprint}
 * @param top1 its accuracy on the validation pictures as the training began, of a Segmenter its mean intersection over
 *     union, 0–1; null before, and without any
 */
record TeacherRecord(
        String path, String fingerprint, @Nullable Double top1) {
    private static final int SHOWN = 12;

    TeacherRecord {
        RunRecord.require(path, "path");
        RunRecord.require(fingerprint, "fingerprint");
    }

    /** The teacher of a new training. */
    static TeacherRecord of(Path path) {
        return new TeacherRecord(path.toString(), TeacherModel.read(path).fingerprint(), null);
    }

    TeacherRecord withTop1(double measured) {
        return new TeacherRecord(path, fingerprint, measured);
    }

    /** The same teacher where it lies now. */
    TeacherRecord at(Path place) {
        return new TeacherRecord(place.toString(), fingerprint, top1);
    }

    /**
     * Reads the teacher.
     *
     * @throws CheckpointException if it is gone, damaged, or another than the training began with
     */
    TeacherModel read() {
        Path place = Path.of(path);
        if (!Files.exists(place)) {
            throw new CheckpointException(
                    place, "the teacher of this training is not there any more; --teacher must say where it is now");
        }
        TeacherModel model = TeacherModel.read(place);
        String came = model.fingerprint();
        if (!came.equals(fingerprint)) {
            throw new CheckpointException(
                    place,
                    "is another teacher than the one that this training began with: its fingerprint is "
                            + came.substring(0, SHOWN) + "…, "
                            + fingerprint.substring(0, Math.min(SHOWN, fingerprint.length()))
                            + "… is needed; --teacher must name that one, or --resume --force goes on with this");
        }
        return model;
    }
}
