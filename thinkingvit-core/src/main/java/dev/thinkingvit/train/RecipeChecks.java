package dev.thinkingvit.train;

/** What a recipe's sections require of their values. */
final class RecipeChecks {
    private RecipeChecks() {}

    static void probability(String name, double value) {
        require(value >= 0 && value <= 1, name + " must lie in [0, 1], got " + value);
    }

    static void notNegative(String name, double value) {
        require(value >= 0 && value < Double.POSITIVE_INFINITY, name + " must be 0 or a positive number, got " + value);
    }

    static void positive(String name, double value) {
        require(value > 0 && value < Double.POSITIVE_INFINITY, name + " must be positive, got " + value);
    }

    static void require(boolean holds, String message) {
        if (!holds) {
            throw new IllegalArgumentException(message);
        }
    }
}
