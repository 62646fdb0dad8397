package dev.thinkingvit.checkpoint;

/** Which of a trainer file's sets of weights to read. */
public enum Weights {
    /** The moving average if the file has one ({@code state_dict_ema}, {@code model_ema}), else the model's own. */
    AUTO,
    /** The moving average; a file without one is an error. */
    EMA,
    /** The model's own weights: {@code state_dict}, {@code model}, or the file as a whole. */
    MODEL
}
