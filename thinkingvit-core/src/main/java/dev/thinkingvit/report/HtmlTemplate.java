package dev.thinkingvit.report;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A page with gaps, in the part of the Mustache language that a report needs: <code>{{name}}</code> is a value, escaped
 * for HTML; <code>{{{name}}}</code> is markup as it is; <code>{{#name}}…{{/name}}</code> repeats for every map of a
 * list, or shows for {@code true}; <code>{{^name}}…{{/name}}</code> shows for an empty list or {@code false}. Inner
 * names hide outer ones. A gap without a value is an error. Immutable.
 */
final class HtmlTemplate {
    private static final Pattern TAG = Pattern.compile("\\{\\{\\{(\\w+)}}}|\\{\\{([#^/]?)(\\w+)}}");

    private final String text;

    HtmlTemplate(String text) {
        this.text = text;
    }

    /** Reads a resource that lies beside this class. */
    static HtmlTemplate resource(String name) {
        try (InputStream in = HtmlTemplate.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IllegalStateException("the resource " + name + " is missing from the library");
            }
            return new HtmlTemplate(new String(in.readAllBytes(), StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new IllegalStateException("the resource " + name + " cannot be read", e);
        }
    }

    /** The page. */
    String render(Map<String, ?> values) {
        StringBuilder out = new StringBuilder();
        render(text, new Values(values, null), out);
        return out.toString();
    }

    /** Values, and those around them. */
    private record Values(Map<String, ?> own, @Nullable Values outer) {
        Object get(String name) {
            Object value = own.get(name);
            if (value != null) {
                return value;
            }
            if (outer == null) {
                throw new IllegalArgumentException("the template needs a value for '" + name + "'");
            }
            return outer.get(name);
        }
    }

    private static void render(String text, Values values, StringBuilder out) {
        Matcher tag = TAG.matcher(text);
        int at = 0;
        while (tag.find(at)) {
            out.append(text, at, tag.start());
            at = tag.end();
            if (tag.group(1) != null) {
                out.append(values.get(tag.group(1)));
            } else if (tag.group(2).isEmpty()) {
                out.append(escape(String.valueOf(values.get(tag.group(3)))));
            } else {
                String name = tag.group(3);
                String close = "{{/" + name + "}}";
                int end = text.indexOf(close, at);
                if (end < 0 || tag.group(2).equals("/")) {
                    throw new IllegalArgumentException("the template's section '" + name + "' does not open and close");
                }
                section(text.substring(at, end), tag.group(2).equals("#"), values.get(name), values, out);
                at = end + close.length();
            }
        }
        out.append(text, at, text.length());
    }

    private static void section(String body, boolean shows, Object value, Values values, StringBuilder out) {
        if (value instanceof List<?> list) {
            if (shows) {
                list.forEach(entry -> render(body, new Values(map(entry), values), out));
            } else if (list.isEmpty()) {
                render(body, values, out);
            }
        } else if (value.equals(shows)) {
            render(body, values, out);
        }
    }

    @SuppressWarnings("unchecked") // the maps of a list are made beside the template, with names as keys
    private static Map<String, ?> map(Object entry) {
        return (Map<String, ?>) entry;
    }

    static String escape(String text) {
        StringBuilder escaped = new StringBuilder(text.length());
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '&' -> escaped.append("&amp;");
                case '<' -> escaped.append("&lt;");
                case '>' -> escaped.append("&gt;");
                case '"' -> escaped.append("&quot;");
                case '\'' -> escaped.append("&#39;");
                default -> escaped.append(c);
            }
        }
        return escaped.toString();
    }
}
