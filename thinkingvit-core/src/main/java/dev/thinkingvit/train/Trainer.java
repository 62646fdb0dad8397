package dev.thinkingvit.train;

import dev.thinkingvit.data.Batch;
import dev.thinkingvit.data.BatchLoader;
import dev.thinkingvit.data.Epoch;
import dev.thinkingvit.data.EpochPlace;
import dev.thinkingvit.data.Sample;
import dev.thinkingvit.model.NestedNetwork;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Natives;
import dev.thinkingvit.tensor.Tensors;
import dev.thinkingvit.tensor.Workers;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Trains a {@link NestedNetwork}: every update runs the stages and descends on the weighted sum of their losses
 * (paper, section 3.4), soft-target cross entropies unless another {@link Objective} is given, so that one set of weights
 * serves each of them.
 *
 * <p>{@code B} images, {@code C} classes, {@code h} and {@code w} height and width of the input. An update cuts the stages' weights once; worker threads
 * compute gradients of their shares of the batch, micro-batch by micro-batch; shares and processes are summed in fixed
 * order, clipped, and the optimizer and the moving average follow.
 *
 * <p>What chance decides follows from the recipe's seed, the epoch and the sample or batch alone. So a training that is
 * restored goes on exactly as it would have, and does not depend on how many processes share a batch, rounding apart.
 *
 * <p>A trainer belongs to the thread that uses it, {@link #stop} excepted; close it, then the model.
 */
public final class Trainer implements AutoCloseable {
    private final NestedNetwork model;
    private final Recipe recipe;
    private final Peers peers;
    private final StageSampler stageSampler;
    private final LearningRates learningRates;
    private final SoftTargets softTargets;
    private final Workers workers;
    private final GradientPass gradientPass;
    private final List<Gradients> gradients = new ArrayList<>();
    private final Optimizer optimizer;
    private final @Nullable Ema ema;
    private final List<Double> scores = new ArrayList<>();
    private volatile boolean asked;
    private boolean stopped;
    private boolean torn; // while the weights are neither those before an update nor those after it
    private List<Part> latest = List.of(); // what the last update was made of
    private double latestRate;

    private int epoch;
    private int update;
    private EpochPlace place = EpochPlace.START;
    private boolean withRest; // what does not fill a batch at the present epoch's end
    private TrainerState.Missed missed = TrainerState.Missed.NONE;
    private String judgedOn = "";
    private int judgedFrom;
    private @Nullable UnreadableWatch watch;
    private byte[] news = {};
    private long totalUpdates;
    private long images;
    private final double[] lossSums;
    private final long[] lossImages;

    /** @param model trained in place on all cores; stays the caller's */
    public Trainer(NestedNetwork model, Recipe recipe) {
        this(model, recipe, Peers.ALONE, Natives.availableCores());
    }

    /**
     * @param model trained in place; stays the caller's
     * @param peers the processes that take part, each with a trainer of the same recipe and first weights
     * @param threads worker threads of this process; a CUDA device has one
     */
    public Trainer(NestedNetwork model, Recipe recipe, Peers peers, int threads) {
        this(model, recipe, peers, threads, null);
    }

    /**
     * @param model trained in place; stays the caller's
     * @param peers the processes that take part, each with a trainer of the same recipe and first weights
     * @param threads worker threads of this process; a CUDA device has one
     * @param teacher whom the recipe distils, answering on the workers' own threads; null if it distils nobody. Stays
     *     the caller's, who closes it after the trainer
     * @throws IllegalArgumentException if the recipe distils, trains at all, and there is no teacher
     * @throws TrainingException if one of model and teacher names images and the other one pixels
     */
    public Trainer(NestedNetwork model, Recipe recipe, Peers peers, int threads, @Nullable Teacher teacher) {
        this(model, recipe, peers, threads, teacher, Objective.of(recipe, model.config()));
    }

    /**
     * As above, with what a recipe does not know.
     *
     * @param objective what is descended on, instead of what the recipe says
     */
    public Trainer(
            NestedNetwork model,
            Recipe recipe,
            Peers peers,
            int threads,
            @Nullable Teacher teacher,
            Objective objective) {
        if (recipe.distillation().hasTeacher() && recipe.schedule().totalEpochs() > 0 && teacher == null) {
            throw new IllegalArgumentException("distillation_type "
                    + recipe.distillation().distillationType().name().toLowerCase(Locale.ROOT)
                    + " needs a teacher, there is none");
        }
        if (teacher != null) {
            teacher.requireSameKind(model.config());
        }
        if (teacher != null && recipe.asks() && objective.asksForTokens()) {
            teacher.requireTokens(model.config().unpruned());
        }
        this.model = model;
        this.recipe = recipe;
        this.peers = peers;
        this.stageSampler = new StageSampler(
                recipe.loss().weights(model.config().stages()), recipe.loss().stageSampling());
        this.learningRates = new LearningRates(recipe);
        this.softTargets =
                new SoftTargets(recipe.loss().smoothing(), model.config().numClasses());
        this.workers = new Workers(model.device().isCuda() ? 1 : threads, "trainer", () -> {});
        this.gradientPass = new GradientPass(
                model, recipe, workers, localBatchSize(recipe, peers), recipe.asks() ? teacher : null, objective);
        Map<String, Tensor> parameters = model.parameters();
        // images, each stage's loss, how many images it counts and the teacher's part of it, who has news of pictures
        // that cannot be read, and who wants to stop
        int stages = model.config().stages();
        int extras = 3 + 3 * stages;
        for (int worker = 0; worker < workers.count(); worker++) {
            gradients.add(new Gradients(parameters, extras));
        }
        this.optimizer = Optimizer.of(
                recipe,
                model.network().parameters(),
                parameters,
                gradients.get(0).views(),
                workers.count());
        double decay = recipe.ema().modelEmaDecay();
        Ema.Rule rule = Ema.Rule.published(decay, recipe.ema().modelEmaWarmup());
        this.ema = decay > 0 ? new Ema(parameters, rule, workers.count()) : null;
        this.lossSums = new double[stages];
        this.lossImages = new long[stages];
    }

    /** Images of each part of an update that this process loads; what the loader's batch size must be. */
    public static int localBatchSize(Recipe recipe, Peers peers) {
        int parts = recipe.optimizer().gradAccumSteps() * peers.size();
        int batch = recipe.optimizer().batchSize();
        if (batch % parts != 0) {
            throw new IllegalArgumentException("batch_size " + batch + " does not divide into "
                    + recipe.optimizer().gradAccumSteps() + " grad_accum_steps on " + peers.size() + " processes");
        }
        return batch / parts;
    }

    /**
     * Goes on to the end of the present epoch.
     *
     * @param loader shuffled by the recipe's seed, dropping the last batch, of {@link #localBatchSize}, sharded by rank, and
     *     mixing: {@link TrainingPictures#loader}
     * @param listener told after every update; may save {@link #state} then
     * @return the epoch's summary; null if it was stopped before its end
     * @throws IOException if a picture cannot be read and the loader does not skip it
     * @throws TrainingException if the loss stops being a number; the parameters are then those before the update
     */
    public TrainingListener.@Nullable Epoch epoch(BatchLoader loader, TrainingListener listener) throws IOException {
        if (stopped) {
            return null;
        }
        int parts = recipe.optimizer().gradAccumSteps();
        int size = recipe.optimizer().batchSize();
        long start = System.nanoTime();
        long before = images;
        try (Epoch pictures = loader.epoch(epoch, place, update * parts, withRest)) {
            int left = withRest ? (pictures.batches() + parts - 1) / parts : pictures.batches() / parts;
            int updates = update + left;
            if (updates == 0) {
                throw new TrainingException("no update in an epoch: "
                        + loader.samples().size() + " pictures do not fill a batch of " + size);
            }
            int end = place.entries() + (withRest ? pictures.samples() * peers.size() : left * size);
            int taken = 0;
            while (update < updates) {
                double learningRate = learningRates.at(epoch, (double) place.entries() / end, scores, judgedFrom);
                List<Part> batch = new ArrayList<>();
                List<Sample> read = new ArrayList<>();
                int failures = pictures.failures().size();
                for (int i = 0; i < parts && taken < pictures.batches(); i++) {
                    pictures.take().ifPresent(loaded -> {
                        batch.add(part(loaded));
                        for (int sample : loaded.sampleIndices()) {
                            read.add(loader.samples()
                                    .get(sample % loader.samples().size()));
                        }
                    });
                    taken++;
                }
                if (watch != null) {
                    List<BatchLoader.Failure> all = pictures.failures();
                    news = watch.met(all.subList(failures, all.size()), read);
                }
                Updated done = attempt(batch, learningRate, Math.min(size, end - place.entries()));
                if (done == null) {
                    listener.onPassedOver(epoch, update - 1);
                } else {
                    latest = batch;
                    latestRate = learningRate;
                    listener.onStep(new TrainingListener.Step(
                            epoch,
                            update - 1,
                            updates,
                            totalUpdates,
                            done.losses(),
                            done.distillations(),
                            learningRate,
                            done.gradientNorm(),
                            images));
                }
                if (stopped && update < updates) {
                    return null;
                }
            }
            listener.onUpdated(epoch);
            long nanos = System.nanoTime() - start;
            TrainingListener.Epoch done = finishEpoch(
                    nanos,
                    images == before ? Double.NaN : (images - before) * 1e9 / nanos,
                    (double) pictures.waitNanos() / nanos);
            listener.onEpoch(done);
            return done;
        }
    }

    private TrainingListener.Epoch finishEpoch(long nanos, double imagesPerSecond, double loadingShare) {
        List<Double> means = new ArrayList<>();
        for (int k = 0; k < lossSums.length; k++) {
            means.add(lossSums[k] / lossImages[k]);
        }
        TrainingListener.Epoch done = new TrainingListener.Epoch(
                epoch,
                totalUpdates,
                means,
                learningRates.at(epoch, 0, scores, judgedFrom),
                imagesPerSecond,
                loadingShare,
                nanos,
                images,
                missed);
        epoch++;
        update = 0;
        place = EpochPlace.START;
        withRest = false;
        missed = missed.ofNextEpoch();
        images = 0;
        Arrays.fill(lossSums, 0);
        Arrays.fill(lossImages, 0);
        return done;
    }

    /**
     * Makes {@link #epoch} return soon, in all processes after the same update. May be called from any thread of any
     * process.
     */
    public void stop() {
        asked = true;
    }

    /** Whether this process was told to {@link #stop}. */
    public boolean isAsked() {
        return asked;
    }

    /** Whether the processes have agreed to stop. */
    public boolean isStopped() {
        return stopped;
    }

    /**
     * Notes after an epoch how it was judged, which a plateau schedule looks at.
     *
     * @param score more is better; NaN if it was not judged
     */
    public void validated(double score) {
        scores.add(score);
    }

    /**
     * A share of an update as the network is shown it: mixed, normalised by the model's preprocessing, erased.
     *
     * @param images (B, 3, h, w)
     * @param targets (B, n), what the {@link Objective} takes of each image: for a recipe's, (B, C) whose rows sum to 1
     * @param samples B numbers that tell the images apart, for chance
     */
    @SuppressWarnings("ArrayRecordComponent") // handed over, not shared
    public record Part(float[] images, float[] targets, int[] samples) {}

    /**
     * What an update found.
     *
     * @param losses of each stage, the mean over the images in nats; NaN for a stage that was not selected
     * @param distillations what the teacher's part of each of them is, before α; empty where none was asked
     * @param gradientNorm of all gradients together, before clipping
     */
    public record Updated(List<Double> losses, List<Double> distillations, double gradientNorm) {}

    private Part part(Batch batch) {
        if (batch.pixels().length > 0) {
            int[] labels = new int[batch.pixels().length];
            for (int i = 0; i < labels.length; i++) {
                labels[i] = batch.pixels()[i] & 0xff;
            }
            int classes = model.config().numClasses();
            float[] targets =
                    PixelTargets.of(labels, batch.size(), recipe.loss().pixelWeights(classes));
            return new Part(batch.images(), targets, batch.sampleIndices());
        }
        return new Part(batch.images(), softTargets.of(batch.labels(), batch.ownShare()), batch.sampleIndices());
    }

    /**
     * One update from images that are in memory already; {@link #epoch} makes its updates so.
     *
     * @param parts this process's shares, {@link #localBatchSize} images each; not kept. What pixels weigh in the targets of
     *     several shares is replaced by what they weigh in all of them together
     * @param learningRate of this update
     * @throws TrainingException if the loss stops being a number, or there are no images in any process; the parameters
     *     are then those before the update
     */
    public Updated update(List<Part> parts, double learningRate) {
        Updated done = attempt(parts, learningRate, recipe.optimizer().batchSize());
        if (done == null) {
            throw new TrainingException("update " + update + " in epoch " + (epoch + 1) + " has no pictures");
        }
        return done;
    }

    /**
     * An update, or none if no process has a picture for it.
     *
     * @param pictures that it should have, over all processes
     */
    private @Nullable Updated attempt(List<Part> parts, double learningRate, int pictures) {
        if (model.config().readout().isOfPixels()) {
            PixelTargets.weighTogether(
                    parts, recipe.loss().pixelWeights(model.config().numClasses()), peers);
        }
        double[] weights = stageSampler.draw(Chance.STAGES.generator(recipe, epoch, update));
        gradientPass.run(parts, weights, epoch, gradients);
        Gradients sum = gradients.get(0);
        int shares = workers.count();
        workers.run(share -> {
            for (Gradients other : gradients.subList(1, gradients.size())) {
                sum.add(other, share, shares);
            }
        });
        if (asked) {
            sum.vote(1);
        }
        if (news.length > 0) {
            sum.vote(2);
        }
        peers.sum(sum.all());
        float[] extras = Tensors.toFloats(sum.extras());
        stopped = extras[extras.length - 1] > 0;
        if (watch != null && extras[extras.length - 2] > 0) {
            byte[][] all = peers.gather(news);
            news = new byte[0];
            watch.told(all);
        }
        if (extras[0] == 0) {
            advance(pictures, 0);
            return null;
        }
        List<Double> losses = losses(extras);
        double[] squares = new double[shares];
        workers.run(share -> squares[share] = sum.squaredNorm(share, shares));
        double norm = Math.sqrt(Arrays.stream(squares).sum())
                / extras[0]
                * recipe.optimizer().batchSize();
        requireNumbers(losses, weights, norm, learningRate);
        double factor = recipe.optimizer().batchSize() / (double) extras[0]; // pictures may have been left out
        Double largest = recipe.optimizer().clipGrad();
        if (largest != null && norm > largest) {
            factor *= largest / (norm + 1e-6);
        }
        torn = true;
        step(sum, factor, learningRate);
        torn = false;
        totalUpdates++;
        advance(pictures, (long) extras[0]);
        return new Updated(losses, distillations(extras), norm);
    }

    /**
     * Whether what the last update left can be gone on from, which its own loss does not show: computes this process's
     * pictures of it once more, without an update. Nothing changes; the others take no part.
     *
     * @return {@link #state}
     * @throws TrainingException if a weight, an average, a moment, a loss or a gradient is no number
     * @throws IllegalStateException if an error ended the last update halfway
     */
    public TrainerState proven() {
        if (torn) {
            throw new IllegalStateException("the last update was not made to its end");
        }
        TrainerState state = state();
        requireNumbers(state.tensors());
        if (latest.isEmpty()) {
            return state;
        }
        double[] weights = recipe.loss().weights(model.config().stages());
        gradientPass.run(latest, weights, epoch, gradients);
        float[] sums = new float[1 + 2 * weights.length];
        double norm = 0;
        for (Gradients own : gradients) {
            float[] extras = Tensors.toFloats(own.extras());
            for (int i = 0; i < sums.length; i++) {
                sums[i] += extras[i];
            }
            norm += Math.sqrt(own.squaredNorm(0, 1));
        }
        List<Double> losses = new ArrayList<>();
        for (int k = 0; k < weights.length; k++) {
            losses.add((double) sums[1 + k] / sums[1 + weights.length + k]);
        }
        if (sums[0] > 0) {
            requireNumbers(losses, weights, norm, latestRate);
        }
        return state;
    }

    /** @throws TrainingException if a value is no number */
    void requireNumbers(Map<String, HostTensor> tensors) {
        tensors.forEach((name, tensor) -> {
            for (float value : tensor.toFloats()) {
                if (!Float.isFinite(value)) {
                    throw diverged(name + " became " + value, latestRate);
                }
            }
        });
    }

    /** Goes one update on, which should have had some pictures and had others. */
    private void advance(int pictures, long had) {
        update++;
        place = place.plus(pictures, Math.max(1, recipe.augmentation().augRepeats()));
        images += had;
        missed = missed.plus(pictures - had, had == 0 ? 1 : 0);
    }

    /** Scales the gradients, updates the parameters from them, and takes these into the average. */
    private void step(Gradients sum, double factor, double learningRate) {
        int shares = workers.count();
        if (factor != 1) {
            workers.run(share -> sum.scale(factor, share, shares));
        }
        double backbone = recipe.pruning()
                .backboneRate(epoch, learningRate, recipe.optimizer().peakLr());
        workers.run(share -> optimizer.step(share, learningRate, backbone));
        if (ema != null) {
            Ema followed = ema;
            workers.run(followed::update);
            followed.updated();
        }
    }

    private List<Double> losses(float[] extras) {
        List<Double> losses = new ArrayList<>();
        for (int k = 0; k < lossSums.length; k++) {
            double sum = extras[1 + k];
            long counted = (long) extras[1 + lossSums.length + k];
            losses.add(sum / counted);
            lossSums[k] += sum;
            lossImages[k] += counted;
        }
        return losses;
    }

    private List<Double> distillations(float[] extras) {
        List<Double> parts = new ArrayList<>();
        for (int k = 0; recipe.asks() && k < lossSums.length; k++) {
            parts.add(extras[1 + 2 * lossSums.length + k] / (double) extras[1 + lossSums.length + k]);
        }
        return parts;
    }

    private void requireNumbers(List<Double> losses, double[] weights, double norm, double learningRate) {
        for (int k = 0; k < losses.size(); k++) {
            if (weights[k] > 0 && !Double.isFinite(losses.get(k))) {
                throw diverged("the loss of stage " + (k + 1) + " became " + losses.get(k), learningRate);
            }
        }
        if (!Double.isFinite(norm)) {
            throw diverged("the norm of the gradients became " + norm, learningRate);
        }
    }

    private TrainingException diverged(String what, double learningRate) {
        return TrainingException.ofNumbers(what + " in epoch " + (epoch + 1) + ", update " + (update + 1)
                + "; a lower learning rate than " + learningRate + ", a longer warm-up or clip_grad may help");
    }

    /** The next epoch to work on, from 0. */
    public int epoch() {
        return epoch;
    }

    /** What {@link #validated} was told, one an epoch. */
    public List<Double> scores() {
        return List.copyOf(scores);
    }

    /**
     * Has pictures that cannot be read watched, which all processes must do.
     *
     * @param by whose {@link UnreadableWatch#told} may end an update, which is then as if it had not begun
     */
    public void watch(UnreadableWatch by) {
        watch = by;
    }

    /**
     * Says what the validations to come are of. Scores of other pictures do not compare with theirs.
     *
     * @param pictures a digest of them
     * @return whether there were such scores
     */
    public boolean judgeOn(String pictures) {
        boolean others = !judgedOn.isEmpty()
                && !judgedOn.equals(pictures)
                && scores.stream().skip(judgedFrom).anyMatch(score -> !score.isNaN());
        judgedFrom = others ? scores.size() : judgedFrom;
        judgedOn = pictures;
        return others;
    }

    /** The first of the {@link #scores} that compare with those to come. */
    public int judgedFrom() {
        return judgedFrom;
    }

    /**
     * The learning rate of the next update, were the training to go on by a recipe.
     *
     * @param pictures of an epoch
     */
    public double learningRate(Recipe by, int pictures) {
        double done = Math.min(1, (double) place.entries() / pictures);
        return new LearningRates(by).at(epoch, done, scores, judgedFrom);
    }

    /** The recipe. */
    public Recipe recipe() {
        return recipe;
    }

    /** The weights to judge and to save: the moving average where there is one, else the model's. */
    public Map<String, HostTensor> weights() {
        return ema == null ? model.stateDict() : copies("", ema.averages());
    }

    /** The model's own weights, of which {@link #weights} may be an average. */
    public Map<String, HostTensor> modelWeights() {
        return model.stateDict();
    }

    /** {@link #localBatchSize(Recipe, Peers)} of this trainer. */
    public int localBatchSize() {
        return localBatchSize(recipe, peers);
    }

    /** The last update's gradients by parameter name, before the moment they were used; the trainer keeps owning them. */
    public Map<String, Tensor> gradients() {
        return gradients.get(0).views();
    }

    /** Everything needed to go on from here, as a Java copy. */
    public TrainerState state() {
        Map<String, HostTensor> tensors = new LinkedHashMap<>();
        natives().forEach((name, tensor) -> tensors.put(name, Tensors.toHost(tensor)));
        return new TrainerState(tensors, position(), scores);
    }

    /** Where the training stands. */
    public TrainerState.Position position() {
        return new TrainerState.Position(
                epoch,
                update,
                totalUpdates,
                ema == null ? 0 : ema.updates(),
                images,
                Arrays.stream(lossSums).boxed().toList(),
                Arrays.stream(lossImages).boxed().toList(),
                place,
                recipe.optimizer().batchSize(),
                withRest,
                missed,
                judgedOn,
                judgedFrom);
    }

    /**
     * Goes on from a state of the same network and optimizer.
     *
     * @throws TrainingException if a tensor is missing, left over or of another shape; nothing is changed then
     */
    public void restore(TrainerState state) {
        Map<String, Tensor> natives = natives();
        Map<Tensor, HostTensor> values = new LinkedHashMap<>();
        natives.forEach((name, tensor) -> {
            HostTensor kept = state.tensors().get(name);
            if (kept == null || !Arrays.equals(kept.shape(), Tensors.shape(tensor))) {
                throw new TrainingException("the state's tensor " + name + " must be of shape "
                        + Arrays.toString(Tensors.shape(tensor)) + ", it is " + (kept == null ? "missing" : kept)
                        + "; the recipe must be the one that the training began with");
            }
            values.put(tensor, kept);
        });
        int stages = state.position().lossSums().size();
        if (stages != lossSums.length || state.position().lossImages().size() != stages) {
            throw new TrainingException("the state does not hold one loss for each of this training's "
                    + lossSums.length + " stages; the recipe must be the one that the training began with");
        }
        for (String name : state.tensors().keySet()) {
            if (!natives.containsKey(name)) {
                throw new TrainingException("the state's tensor " + name + " has no place in this training; the recipe"
                        + " must be the one that the training began with");
            }
        }
        values.forEach(Tensors::assign);
        place(state.position(), state.scores());
    }

    /** Takes over the state of process 0, which alone may have been restored; all processes take part. */
    public void share() {
        natives().values().forEach(peers::broadcast);
        TrainerState here = new TrainerState(Map.of(), position(), scores);
        TrainerState first = TrainerState.ofText(
                new String(peers.share(here.text().getBytes(StandardCharsets.UTF_8)), StandardCharsets.UTF_8));
        place(first.position(), first.scores());
    }

    private void place(TrainerState.Position position, List<Double> validations) {
        epoch = position.epoch();
        update = position.update();
        totalUpdates = position.totalUpdates();
        images = position.images();
        EpochPlace kept = position.place();
        place = kept == null
                ? EpochPlace.START.plus(
                        update * recipe.optimizer().batchSize(),
                        Math.max(1, recipe.augmentation().augRepeats()))
                : kept;
        boolean otherBatches = position.batchSize() > 0
                && position.batchSize() != recipe.optimizer().batchSize();
        withRest = place.entries() > 0 && (position.withRest() || otherBatches);
        missed = position.missed();
        judgedOn = position.judgedOn();
        judgedFrom = position.judgedFrom();
        for (int k = 0; k < lossSums.length; k++) {
            lossSums[k] = position.lossSums().get(k);
            lossImages[k] = position.lossImages().get(k);
        }
        if (ema != null) {
            ema.restoreUpdates(position.emaUpdates());
        }
        List<Double> taken = List.copyOf(validations);
        scores.clear();
        scores.addAll(taken);
    }

    private Map<String, Tensor> natives() {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        model.parameters().forEach((name, tensor) -> tensors.put("model." + name, tensor));
        optimizer.state().forEach((name, tensor) -> tensors.put("optimizer." + name, tensor));
        if (ema != null) {
            ema.averages().forEach((name, tensor) -> tensors.put("ema." + name, tensor));
        }
        return tensors;
    }

    private static Map<String, HostTensor> copies(String prefix, Map<String, Tensor> tensors) {
        Map<String, HostTensor> copies = new LinkedHashMap<>();
        tensors.forEach((name, tensor) -> copies.put(prefix + name, Tensors.toHost(tensor)));
        return copies;
    }

    @Override
    public void close() {
        workers.close();
        gradientPass.close();
        gradients.forEach(Gradients::close);
        optimizer.close();
        if (ema != null) {
            ema.close();
        }
    }
}
