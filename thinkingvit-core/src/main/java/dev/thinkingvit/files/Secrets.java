package dev.thinkingvit.files;

import java.util.regex.Pattern;

/**
 * Passwords and tokens in texts that people read, or that are kept. They come in by addresses and command lines, and by
 * servers that repeat what they were sent.
 */
public final class Secrets {
    /** Stands where a secret stood. */
    public static final String HIDDEN = "***";

    /** Before the last @ of an address's authority; a path, as Java makes one of an address, has one slash of two left. */
    private static final Pattern USER =
            Pattern.compile("(?i)(?<![a-z0-9+.-])((?:[a-z][a-z0-9+.-]*://|(?:https?|ftp|socks\\w*|hf):/)/*)[^/\\s]*@");

    /** As hubs give them. */
    private static final Pattern TOKEN = Pattern.compile("\\b(hf_|api_org_)[A-Za-z0-9]{16,}");

    /** What an address is signed with, or says who asks. */
    private static final Pattern PARAMETER = Pattern.compile(
            "(?i)([?&][\\w-]*(?:token|sig|signature|key|passw(?:or)?d|secret|credential|auth)[\\w-]*=)[^&#\\s'\"]+");

    private Secrets() {}

    /** A text without the users and passwords of its addresses, their signatures, and hubs' tokens. */
    public static String blot(String text) {
        String without = text;
        if (text.indexOf('@') >= 0) {
            without = USER.matcher(without).replaceAll("$1" + HIDDEN + "@");
        }
        if (text.indexOf('=') >= 0) {
            without = PARAMETER.matcher(without).replaceAll("$1" + HIDDEN);
        }
        return text.indexOf('_') < 0 ? without : TOKEN.matcher(without).replaceAll("$1" + HIDDEN);
    }

    /** What was given as an address of a server and need not be one, fit to be shown: nothing before its last @ but the scheme. */
    public static String address(String given) {
        int at = given.lastIndexOf('@');
        if (at < 0) {
            return blot(given);
        }
        int scheme = given.indexOf("://");
        return (scheme >= 0 && scheme < at ? given.substring(0, scheme + 3) : "") + HIDDEN + blot(given.substring(at));
    }
}
