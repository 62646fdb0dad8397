package dev.thinkingvit.store;

import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.files.Secrets;
import java.io.IOException;
import java.net.Authenticator;
import java.net.ConnectException;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.NoRouteToHostException;
import java.net.PasswordAuthentication;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketException;
import java.net.URI;
import java.net.URLDecoder;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * By which proxy a server is asked, as other tools have it: {@code HTTPS_PROXY} or {@code HTTP_PROXY} by the address's
 * scheme, else {@code ALL_PROXY}, but for the hosts in {@code NO_PROXY}; each may be in lower case, which comes first. Where
 * none is set, Java's own settings count.
 */
final class HubProxies {
    private static final Set<String> HTTP = Set.of("http", "https");
    private static final Set<String> SOCKS = Set.of("socks", "socks4", "socks4a", "socks5", "socks5h");
    private static final int HTTP_PORT = 80;
    private static final int HTTPS_PORT = 443;
    private static final int SOCKS_PORT = 1080;
    private static final int MAX_PORT = 65_535;
    private static final int BYTE_BITS = 8;
    private static final int ADDRESS_BITS = 32;
    /** A host, also an IPv6 address in brackets or without a port. */
    private static final Pattern HOST_AND_PORT = Pattern.compile("(\\[[^\\]]*\\]|[^:\\[]*|.*:.*:.*?)(?::(\\d{1,5}))?");

    private static final Pattern IP_RANGE = Pattern.compile("(\\d{1,3}(?:\\.\\d{1,3}){3})/(\\d{1,2})");
    private static final Pattern IP = Pattern.compile("\\d{1,3}(?:\\.\\d{1,3}){3}");
    private static final Pattern REFUSED_TUNNEL = Pattern.compile(".*Proxy returns \"HTTP/\\S+ 407\\b.*");

    private final Map<String, String> environment;

    HubProxies(Map<String, String> environment) {
        this.environment = environment;
    }

    /** A failure that is not the hub's. */
    static final class ProxyException extends IOException {
        private static final long serialVersionUID = 1L;

        ProxyException(String message, Throwable cause) {
            super(message, cause);
        }
    }

    /**
     * How a server is reached.
     *
     * @param name of the proxy, without a password; empty where there is none
     * @param source what names it, such as {@code HTTPS_PROXY}
     * @param user and password for it, with a colon between; null for none
     */
    record Way(
            Proxy proxy,
            String name,
            String source,
            @Nullable String user) {
        private static final Way STRAIGHT = new Way(Proxy.NO_PROXY, "", "", null);

        HttpURLConnection open(URI place) throws IOException {
            HttpURLConnection connection = (HttpURLConnection) place.toURL().openConnection(proxy);
            if (user != null) {
                String[] parts = user.split(":", 2);
                connection.setAuthenticator(new Authenticator() {
                    private boolean said; // Java would say a wrong one twenty times

                    @Override
                    protected @Nullable PasswordAuthentication getPasswordAuthentication() {
                        boolean first = !said;
                        said = true;
                        return first && getRequestorType() == RequestorType.PROXY
                                ? new PasswordAuthentication(
                                        decoded(parts[0]),
                                        decoded(parts.length > 1 ? parts[1] : "")
                                                .toCharArray())
                                : null;
                    }
                });
            }
            return connection;
        }

        private static String decoded(String text) {
            try {
                return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
            } catch (IllegalArgumentException e) { // a percent sign that is meant as one
                return text;
            }
        }

        private boolean isStraight() {
            return proxy.type() == Proxy.Type.DIRECT;
        }

        /** A failure of the network in words that say whose it is. */
        IOException failure(URI place, IOException e) {
            String host = place.getHost();
            if (!isStraight()) {
                String message = String.valueOf(e.getMessage());
                if (REFUSED_TUNNEL.matcher(message).matches()) {
                    return new ProxyException(asksForPassword(), e);
                }
                // a proxy for HTTP looks hosts up itself: what is not known or refuses is the proxy
                boolean proxys = e instanceof ConnectException
                        || e instanceof NoRouteToHostException
                        || (e instanceof UnknownHostException && proxy.type() == Proxy.Type.HTTP)
                        || (e instanceof SocketException && proxy.type() == Proxy.Type.SOCKS);
                return new ProxyException(
                        proxys
                                ? "the proxy " + name + " cannot be reached or refuses: " + Reasons.of(e) + "; "
                                        + source + " names it"
                                : host + " cannot be reached by the proxy " + name + ", which " + source + " names: "
                                        + Reasons.of(e),
                        e);
            }
            return e instanceof UnknownHostException
                    ? new IOException("the host " + host + " is not known", e)
                    : new IOException(host + " cannot be reached: " + Secrets.blot(String.valueOf(e.getMessage())), e);
        }

        /** The proxy's answer to who may not use it. */
        HubException refusal(HubModel model) {
            return new HubException(model + ": " + asksForPassword());
        }

        private String asksForPassword() {
            return "the proxy " + name + " asks for a user and a password"
                    + (user == null ? "" : ", and those in " + source + " are not good for it") + "; "
                    + (source.endsWith("proxy") || source.endsWith("PROXY") ? source : "HTTPS_PROXY")
                    + " may say them, in user:password@proxy:3128";
        }
    }

    /**
     * How {@code place} is reached.
     *
     * @throws HubException if a variable's value is no address of a proxy
     */
    Way to(URI place) {
        String scheme = place.getScheme().toLowerCase(Locale.ROOT);
        String source = named(scheme + "_proxy");
        source = source == null ? named("all_proxy") : source;
        if (isExcluded(place)) {
            return Way.STRAIGHT;
        }
        if (source != null) {
            return way(source, environment.getOrDefault(source, "").strip());
        }
        Proxy javas =
                ProxySelector.getDefault().select(place).stream().findFirst().orElse(Proxy.NO_PROXY);
        return javas.address() instanceof InetSocketAddress address
                ? new Way(javas, address.getHostString() + ":" + address.getPort(), "Java's settings", null)
                : Way.STRAIGHT;
    }

    /** The variable that is set; null if it is not, or to nothing. */
    private @Nullable String named(String lower) {
        String upper = lower.toUpperCase(Locale.ROOT);
        String name = environment.containsKey(lower) ? lower : upper;
        return environment.getOrDefault(name, "").isBlank() ? null : name;
    }

    private static Way way(String source, String said) {
        try {
            URI address = URI.create(said.contains("://") ? said : "http://" + said);
            String kind = address.getScheme().toLowerCase(Locale.ROOT);
            boolean socks = SOCKS.contains(kind);
            if (address.getHost() != null && (socks || HTTP.contains(kind)) && address.getPort() <= MAX_PORT) {
                int port = address.getPort() >= 0 ? address.getPort() : socks ? SOCKS_PORT : HTTP_PORT;
                return new Way(
                        new Proxy(
                                socks ? Proxy.Type.SOCKS : Proxy.Type.HTTP,
                                new InetSocketAddress(address.getHost(), port)),
                        address.getHost() + ":" + port,
                        source,
                        address.getRawUserInfo());
            }
        } catch (IllegalArgumentException e) {
            // said below, without the address, which may hold a password
        }
        throw new HubException(
                source + " must be a proxy's address such as http://proxy:3128 or socks5://proxy:1080, got "
                        + Secrets.address(said));
    }

    private boolean isExcluded(URI place) {
        String variable = named("no_proxy");
        if (variable == null || place.getHost() == null) {
            return false;
        }
        String host = bare(place.getHost());
        int port = port(place);
        for (String each : environment.getOrDefault(variable, "").split("[,\\s]+", -1)) {
            Matcher parts = HOST_AND_PORT.matcher(each.toLowerCase(Locale.ROOT).replaceFirst("^[a-z]+://", ""));
            if (parts.matches() && (parts.group(2) == null || Integer.parseInt(parts.group(2)) == port)) {
                String said = bare(parts.group(1)).replaceFirst("^\\*?\\.", "");
                boolean isName = !said.isEmpty() && (host.equals(said) || host.endsWith("." + said));
                if (isName || said.equals("*") || isWithin(host, said)) {
                    return true;
                }
            }
        }
        return false;
    }

    /** The port that an address means. */
    static int port(URI place) {
        if (place.getPort() >= 0) {
            return place.getPort();
        }
        return place.getScheme().equalsIgnoreCase("https") ? HTTPS_PORT : HTTP_PORT;
    }

    /** A host in lower case, an address of IPv6 without its brackets. */
    private static String bare(String host) {
        return host.toLowerCase(Locale.ROOT).replaceFirst("^\\[(.*)\\]$", "$1");
    }

    /** Whether an IPv4 address is in a range such as {@code 10.0.0.0/8}. */
    private static boolean isWithin(String host, String range) {
        Matcher parts = IP_RANGE.matcher(range);
        if (!IP.matcher(host).matches() || !parts.matches()) {
            return false;
        }
        int bits = Math.min(ADDRESS_BITS, Integer.parseInt(parts.group(2)));
        return bits == 0 || (number(host) ^ number(parts.group(1))) >>> (ADDRESS_BITS - bits) == 0;
    }

    private static int number(String address) {
        int number = 0;
        for (String part : address.split("\\.", -1)) {
            number = number << BYTE_BITS | (Integer.parseInt(part) & 0xFF);
        }
        return number;
    }
}
