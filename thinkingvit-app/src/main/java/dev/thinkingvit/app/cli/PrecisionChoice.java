package dev.thinkingvit.app.cli;

import dev.thinkingvit.model.Precision;
import org.jspecify.annotations.Nullable;

/** The values of {@code --precision}. */
enum PrecisionChoice {
    AUTO(null),
    FP32(Precision.FP32),
    BF16(Precision.BF16),
    INT8(Precision.INT8);

    static final String DESCRIPTION =
            "fp32, bf16, int8 (of models that 'calibrate --save' measured), or auto: what is fastest here of those that"
                    + " 'calibrate' found to predict the same. Default: auto.";

    private final @Nullable Precision precision;

    PrecisionChoice(@Nullable Precision precision) {
        this.precision = precision;
    }

    /** The precision that was asked for; null to choose by what is known of the model. */
    @Nullable Precision precision() {
        return precision;
    }
}
