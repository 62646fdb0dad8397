package dev.thinkingvit.files;

/**
 * Text from files of strangers, for people to read: names of files, of classes, of tensors. An escape sequence in one
 * would steer the terminal, a line break forge a line, and a mark of writing direction turn what stands around it.
 */
public final class Printable {
    private Printable() {}

    /** The text with such characters as Java writes them in a literal; nothing else is changed. */
    public static String of(String text) {
        if (text.chars().noneMatch(c -> steers((char) c))) {
            return text;
        }
        StringBuilder plain = new StringBuilder(text.length() + 16);
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '\n' -> plain.append("\\n");
                case '\r' -> plain.append("\\r");
                case '\t' -> plain.append("\\t");
                default -> {
                    if (steers(c)) {
                        plain.append(String.format("\\u%04x", (int) c));
                    } else {
                        plain.append(c);
                    }
                }
            }
        }
        return plain.toString();
    }

    /** As {@link #of(String)}, cut to so many characters. */
    public static String of(String text, int length) {
        String plain = of(text);
        if (plain.length() <= length) {
            return plain;
        }
        int end = length - 1;
        return plain.substring(0, Character.isHighSurrogate(plain.charAt(end - 1)) ? end - 1 : end) + "…";
    }

    private static boolean steers(char c) {
        return Character.isISOControl(c)
                || c == '\u061C' // the marks, embeddings, overrides and isolates of bidirectional text
                || c == '\u200E'
                || c == '\u200F'
                || (c >= '\u2028' && c <= '\u202E') // and the separators of lines and paragraphs
                || (c >= '\u2066' && c <= '\u2069');
    }
}
