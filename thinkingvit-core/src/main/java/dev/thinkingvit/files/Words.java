package dev.thinkingvit.files;

import java.util.Objects;
import java.util.regex.Pattern;

/** English in messages whose words are not known beforehand. */
public final class Words {
    /** A vowel, or a letter by itself whose name begins with one, as in A-ViT. */
    private static final Pattern VOWEL = Pattern.compile("(?:[aeioAEIO]|[uU](?!ni)|[FHLMNRSX](?![a-z])).*");

    private Words() {}

    /** So many: {@code 1 window}, {@code 9 windows}. */
    public static String count(long number, String noun) {
        return number + " " + Objects.requireNonNull(noun, "the noun is null") + (number == 1 ? "" : "s");
    }

    /** The noun with its indefinite article: {@code a Segmenter}, {@code an A-ViT}. */
    public static String a(String noun) {
        Objects.requireNonNull(noun, "the noun is null");
        return (VOWEL.matcher(noun).matches() ? "an " : "a ") + noun;
    }
}
