package dev.thinkingvit.app.cli;

import dev.thinkingvit.inference.ElasticClassifier;
import dev.thinkingvit.inference.Router;
import dev.thinkingvit.inference.Routers;
import dev.thinkingvit.inference.StopPolicy;
import dev.thinkingvit.store.Routing;
import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** When pictures stop, for the commands that spend as much thought on each as it needs. */
final class StopOptions {
    @Option(
            names = {"-t", "--threshold"},
            split = ",",
            paramLabel = "TAU",
            description = "Stop when the router's measure passes this; one for each stage boundary if several."
                    + " Default: the model's.")
    private @Nullable List<Double> thresholds;

    @Option(
            names = "--budget",
            paramLabel = "GMACS",
            description = "Mean cost to stay within, by the model's calibration.")
    private @Nullable Double budget;

    @Option(
            names = "--router",
            paramLabel = "NAME",
            description = "entropy_top10, entropy, entropy_inclusive, max_probability or margin. Default: the model's.")
    private @Nullable String router;

    @Spec(Spec.Target.MIXEE)
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private CommandSpec command;

    /** Refuses options that contradict each other, before anything is read. */
    void check() {
        if (thresholds != null && budget != null) {
            throw usage("--threshold and --budget exclude each other");
        }
    }

    /** The first option that was given; null if none was. */
    @Nullable String given() {
        return thresholds != null ? "--threshold" : budget != null ? "--budget" : router != null ? "--router" : null;
    }

    /**
     * The policy that was asked for, else the model's.
     *
     * @param model named in errors
     * @throws ParameterException if it is none for the model's stages
     */
    StopPolicy policy(ElasticClassifier classifier, Path model) {
        try {
            StopPolicy policy = asked(classifier, model);
            policy.check(classifier.engine().backbone().stages());
            return policy;
        } catch (IllegalArgumentException e) {
            String option = given();
            if (option == null) {
                throw e; // of the model's own
            }
            throw usage(option + ": " + e.getMessage());
        }
    }

    private StopPolicy asked(ElasticClassifier classifier, Path model) {
        StopPolicy own = classifier.policy();
        Router chosen = router == null ? own.router() : Routers.named(router);
        if (budget != null) {
            return StopPolicy.of(chosen, thresholdFor(budget, chosen, classifier, model));
        }
        if (thresholds != null) {
            return new StopPolicy(chosen, thresholds);
        }
        if (chosen != own.router()) {
            throw usage("--router " + router + " needs a --threshold: the model's is one of "
                    + own.router().id());
        }
        return own;
    }

    /** The dearest calibrated threshold within the budget. */
    private double thresholdFor(double gmacs, Router chosen, ElasticClassifier classifier, Path model) {
        Routing routing = classifier.config().routing();
        if (routing.calibration() == null) {
            throw usage("--budget needs a calibrated model; 'thinkingvit calibrate --save' makes one of " + model);
        }
        if (!chosen.id().equals(routing.router())) {
            throw usage("--budget uses the router the model was calibrated with, " + routing.router() + ", not "
                    + chosen.id());
        }
        Routing.@Nullable Point best = null;
        for (Routing.Point point : routing.calibration().curve()) {
            if (point.gmacs() <= gmacs && (best == null || point.gmacs() > best.gmacs())) {
                best = point;
            }
        }
        if (best == null) {
            double least = routing.calibration().curve().stream()
                    .mapToDouble(Routing.Point::gmacs)
                    .min()
                    .orElse(0);
            throw usage("--budget " + plain(gmacs) + " is not enough: by the model's calibration "
                    + (classifier.config().network().readout().isOfPixels() ? "a picture" : "an image") + " takes "
                    + plain(least) + " GMACs at least");
        }
        return best.threshold();
    }

    /** To four digits, however small. */
    private static String plain(double number) {
        return new BigDecimal(number)
                .round(new MathContext(4))
                .stripTrailingZeros()
                .toPlainString();
    }

    private ParameterException usage(String message) {
        return new ParameterException(command.commandLine(), message);
    }
}
