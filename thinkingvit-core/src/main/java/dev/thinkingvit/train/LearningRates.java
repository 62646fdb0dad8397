package dev.thinkingvit.train;

import java.util.List;

/** The learning rate over a training, as timm's schedulers step it. Immutable; what a plateau depends on is given. */
public final class LearningRates {
    private static final double PLATEAU_THRESHOLD = 1e-4;

    private final ScheduleRecipe schedule;
    private final double peak;

    public LearningRates(Recipe recipe) {
        this.schedule = recipe.schedule();
        this.peak = recipe.optimizer().peakLr();
    }

    /**
     * The learning rate of an update.
     *
     * @param epoch from 0
     * @param done share of the epoch's updates before this one, [0, 1)
     * @param scores of the epochs before, the first first, more being better; NaN for an epoch without validation. Only a
     *     plateau schedule looks
     */
    public double at(int epoch, double done, List<Double> scores) {
        return at(epoch, done, scores, 0);
    }

    /** @param from the first of the scores that compare with the latest; those before are of other pictures */
    double at(int epoch, double done, List<Double> scores, int from) {
        double time = schedule.schedOnUpdates() ? epoch + done : epoch;
        if (time < schedule.warmupEpochs()) {
            double start = schedule.warmupLr();
            return start + time * (peak - start) / schedule.warmupEpochs();
        }
        double since = schedule.warmupPrefix() ? time - schedule.warmupEpochs() : time;
        double rate =
                switch (schedule.sched()) {
                    case COSINE -> between(0.5 * (1 + Math.cos(Math.PI * since / schedule.epochs())));
                    case POLY -> between(Math.pow(Math.max(0, 1 - since / schedule.epochs()), schedule.polyPower()));
                    case STEP -> peak * Math.pow(schedule.decayRate(), Math.floor(since / schedule.decayEpochs()));
                    case PLATEAU -> afterPlateaus(scores, from);
                };
        return isOver(time, since) ? Math.min(rate, schedule.minLr()) : rate;
    }

    /**
     * Whether the course is at its end. One that begins after the warm-up and has a length of its own goes on through the
     * cool-down; this is how timm 1.0's cosine comes by its last values.
     */
    private boolean isOver(double time, double since) {
        boolean ownLength =
                schedule.sched() == ScheduleRecipe.Kind.COSINE || schedule.sched() == ScheduleRecipe.Kind.POLY;
        return (ownLength ? since : time) >= schedule.epochs();
    }

    private double between(double share) {
        return schedule.minLr() + (peak - schedule.minLr()) * share;
    }

    /** PyTorch's ReduceLROnPlateau, told after the warm-up; patience is counted in epochs, judged or not. */
    private double afterPlateaus(List<Double> scores, int from) {
        double rate = peak;
        double best = Double.NEGATIVE_INFINITY;
        int bad = 0;
        for (int i = schedule.warmupEpochs(); i < scores.size(); i++) {
            double score = scores.get(i);
            if (i == from) {
                best = Double.NEGATIVE_INFINITY;
                bad = 0;
            }
            bad++;
            if (Double.isNaN(score)) {
                continue;
            }
            if (score > best + Math.abs(best) * PLATEAU_THRESHOLD || Double.isInfinite(best)) {
                best = score;
                bad = 0;
            } else if (bad > schedule.patienceEpochs()) {
                rate = Math.max(schedule.minLr(), rate * schedule.decayRate());
                bad = 0;
            }
        }
        return rate;
    }
}
