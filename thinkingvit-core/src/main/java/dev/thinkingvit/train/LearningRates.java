package dev.thinkingvit.train;

import java.util.List;

/** The learning rate over a training, as timm's schedulers step it. Immutable; what a plateau depends on is given. */
final class LearningRates {
    private static final double PLATEAU_THRESHOLD = 1e-4;

    private final ScheduleRecipe schedule;
    private final double peak;

    LearningRates(Recipe recipe) {
        this.schedule = recipe.schedule();
        this.peak = recipe.optimizer().peakLr();
    }

    /**
     * The learning rate of an update.
     *
     * @param epoch from 0
     * @param done share of the epoch's updates before this one, [0, 1)
     * @param accuracies of the validations after the epochs before, the first first; only a plateau schedule looks
     */
    double at(int epoch, double done, List<Double> accuracies) {
        double time = schedule.schedOnUpdates() ? epoch + done : epoch;
        if (time < schedule.warmupEpochs()) {
            double start = schedule.warmupLr();
            return start + time * (peak - start) / schedule.warmupEpochs();
        }
        return switch (schedule.sched()) {
            case COSINE -> cosine(time);
            case STEP -> peak * Math.pow(schedule.decayRate(), Math.floor(time / schedule.decayEpochs()));
            case PLATEAU -> afterPlateaus(accuracies);
        };
    }

    private double cosine(double time) {
        if (time >= schedule.epochs()) {
            return schedule.minLr();
        }
        double share = 0.5 * (1 + Math.cos(Math.PI * time / schedule.epochs()));
        return schedule.minLr() + (peak - schedule.minLr()) * share;
    }

    /** PyTorch's ReduceLROnPlateau on accuracies, told after the warm-up. */
    private double afterPlateaus(List<Double> accuracies) {
        double rate = peak;
        double best = Double.NEGATIVE_INFINITY;
        int bad = 0;
        for (int i = schedule.warmupEpochs(); i < accuracies.size(); i++) {
            double accuracy = accuracies.get(i);
            if (accuracy > best + Math.abs(best) * PLATEAU_THRESHOLD || Double.isInfinite(best)) {
                best = accuracy;
                bad = 0;
            } else if (++bad > schedule.patienceEpochs()) {
                rate = Math.max(schedule.minLr(), rate * schedule.decayRate());
                bad = 0;
            }
        }
        return rate;
    }
}
