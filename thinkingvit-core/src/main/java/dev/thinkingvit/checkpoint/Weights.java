package dev.thinkingvit.checkpoint;

/** Which of a trainer file's sets of weights to read. */
public enum Weights {
    /** The moving average if the file has one, else the model's own. */
    AUTO,
    /**
     * The moving average, under a key such as {@code state_dict_ema}, under names such as {@code ema_model.*} beside the
     * model's own, or an averaged model as a whole; a file without one is an error.
     */
    EMA,
    /** The model's own weights: {@code state_dict}, {@code model}, another usual key, or the file as a whole. */
    MODEL
}
