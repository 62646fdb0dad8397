package dev.thinkingvit.app.cli;

import dev.thinkingvit.data.Sample;
import dev.thinkingvit.data.ValidLabels;
import dev.thinkingvit.distributed.ProcessGroup;
import dev.thinkingvit.eval.NoPicturesException;
import dev.thinkingvit.eval.Recorder;
import dev.thinkingvit.eval.Recording;
import dev.thinkingvit.inference.ElasticEngine;
import dev.thinkingvit.inference.Routers;
import dev.thinkingvit.picture.Preprocessing;
import dev.thinkingvit.run.PixelJudge;
import dev.thinkingvit.run.RunPictures;
import dev.thinkingvit.tensor.TorchDevice;
import dev.thinkingvit.train.Judgement;
import dev.thinkingvit.train.Recipe;
import dev.thinkingvit.train.Teacher;
import dev.thinkingvit.train.TeacherModel;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import me.tongfei.progressbar.ProgressBar;
import org.jspecify.annotations.Nullable;

/** The teacher of a training as a process has it: held to the training's record, opened, and judged before it teaches. */
final class Teaching implements AutoCloseable {
    private final TeacherRecord record;
    private final TeacherModel model;
    private final TeacherModel.Classes classes;
    private final Teacher teacher;
    private final TorchDevice device;
    private final PrintWriter err;

    private Teaching(
            TeacherRecord record,
            TeacherModel model,
            TeacherModel.Classes classes,
            Teacher teacher,
            TorchDevice device,
            PrintWriter err) {
        this.record = record;
        this.model = model;
        this.classes = classes;
        this.teacher = teacher;
        this.device = device;
        this.err = err;
    }

    /**
     * Opens the teacher, if the training has one and trains at all.
     *
     * @param classNames of the data, in order
     * @param students the student's preprocessing
     * @param device that trains
     * @param err where is told what teaches
     */
    static @Nullable Teaching of(
            @Nullable TeacherRecord record,
            Recipe recipe,
            List<String> classNames,
            Preprocessing students,
            TorchDevice device,
            PrintWriter err) {
        if (record == null || recipe.schedule().totalEpochs() == 0) {
            return null;
        }
        TeacherModel model = record.read();
        TeacherModel.Classes classes = model.classes(classNames);
        String name = HubModels.named(record.path());
        model.notes().forEach(note -> err.println("note: the teacher, " + name + ": " + note));
        if (classes.note() != null) {
            err.println("note: " + name + ": " + classes.note());
        }
        Teacher teacher = model.open(students, classes, recipe.precision(device), device);
        err.printf(
                "%s distillation from %s: %s of %,d parameters at %s pixels%n",
                recipe.distillation().distillationType().name().toLowerCase(Locale.ROOT),
                name,
                model.config().network().shorthand(),
                model.config().network().parameterCount(),
                model.config().preprocessing().size());
        return new Teaching(record, model, classes, teacher, device, err);
    }

    Teacher teacher() {
        return teacher;
    }

    /**
     * How often the teacher is right on its own, with its own preprocessing; looked up where it was judged before. All
     * processes take part.
     *
     * @param pictures of the training
     * @param recipe of the training
     * @return what the training is to remember
     */
    TeacherRecord judged(RunPictures pictures, Recipe recipe, @Nullable ProcessGroup group) throws IOException {
        List<Sample> validation = pictures.validation();
        if (record.top1() != null) {
            err.printf(
                    "teacher: %s %.2f %%, when the training began%n",
                    pictures.pixels() == null ? "top-1" : "mIoU", 100 * record.top1());
            return record;
        }
        if (pictures.pixels() != null) {
            return judgedByPixels(pictures, recipe, group);
        }
        if (validation.isEmpty()) {
            err.println("teacher: not judged, for want of validation pictures (--val or --holdout)");
            return record;
        }
        int rank = group == null ? 0 : group.rank();
        int size = group == null ? 1 : group.size();
        List<Sample> share = new ArrayList<>();
        for (int i = rank; i < validation.size(); i += size) {
            Sample sample = validation.get(i);
            share.add(new Sample(sample.path(), classes.indices()[sample.label()]));
        }
        double[] counts = share.isEmpty() ? new double[2] : judge(share, rank == 0);
        double right = 0;
        double images = 0;
        for (double[] of : group == null ? new double[][] {counts} : group.gather(counts)) {
            right += of[0];
            images += of[1];
        }
        if (images == 0) {
            throw new IOException("none of the " + validation.size() + " validation pictures can be read");
        }
        err.printf("teacher: top-1 %.2f %% of %,d validation pictures%n", 100 * right / images, (long) images);
        return record.withTop1(right / images);
    }

    /** As a training's validation judges its own model. */
    private TeacherRecord judgedByPixels(RunPictures pictures, Recipe recipe, @Nullable ProcessGroup group)
            throws IOException {
        int[] indices = classes.indices();
        if (indices.length != model.config().network().numClasses()
                || IntStream.range(0, indices.length).anyMatch(c -> indices[c] != c)) {
            err.println("teacher: not judged, since its classes are others than the data's or in another order");
            return record;
        }
        PixelJudge judge = new PixelJudge(
                recipe,
                model.config(),
                pictures,
                device,
                group,
                (failures, read) -> {}); // the training's own names them
        Judgement judged = judge.judge(model.weights(), () -> false);
        if (judged == null || judged.pictures() == 0) {
            throw new IOException("none of the " + pictures.validation().size() + " validation pictures can be read");
        }
        double iou = judged.accuracies().get(judged.accuracies().size() - 1);
        err.printf("teacher: mIoU %.2f %% of %,d validation pictures%n", 100 * iou, judged.pictures());
        return record.withTop1(iou);
    }

    /** Right answers, and pictures. */
    private double[] judge(List<Sample> samples, boolean tells) throws IOException {
        int labels = model.config().network().numClasses();
        Recorder.Options options =
                Recorder.Options.of(Routers.ENTROPY).withValid(ValidLabels.of(labels, classes.indices()));
        Recording recording;
        try (ProgressBar bar = tells ? Progress.of("judging the teacher", samples.size(), err) : null) {
            // the engine is not closed: its backbone goes on to teach
            recording = Recorder.record(
                    new ElasticEngine(teacher.backbone()), model.config().preprocessing(), samples, options, done -> {
                        if (bar != null) {
                            bar.stepTo(done);
                        }
                    });
        } catch (NoPicturesException e) {
            return new double[2]; // the training's own validation names them, in all processes
        }
        int last = model.config().network().stages() - 1;
        double score = recording.images().stream()
                .mapToDouble(image -> image.stages().get(last).score())
                .sum();
        return new double[] {score, recording.images().size()};
    }

    @Override
    public void close() {
        teacher.close();
    }
}
