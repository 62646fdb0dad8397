package dev.thinkingvit.model;

import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The architectures that there are: those of this library, and those of other jars that name theirs in
 * {@code META-INF/services/dev.thinkingvit.model.Architecture}. One of this library's own is added here, and nowhere else.
 */
public final class Architectures {
    private static final List<Architecture> OWN = List.of(ThinkingViTConfig.ARCHITECTURE, SwinConfig.ARCHITECTURE);

    private Architectures() {}

    /** The library's own come first: nobody else takes their names. */
    private static Stream<Architecture> all() {
        return Stream.concat(
                OWN.stream(), ServiceLoader.load(Architecture.class).stream().map(ServiceLoader.Provider::get));
    }

    /**
     * The architecture that a configuration names.
     *
     * @throws IllegalArgumentException if there is none: names those that there are
     */
    public static Architecture named(String name) {
        return find(name)
                .orElseThrow(() ->
                        new IllegalArgumentException("architecture \"" + name + "\" is not supported; " + supported()));
    }

    /** The architecture that a configuration names, if there is one. */
    public static Optional<Architecture> find(String name) {
        return all().filter(each -> each.answersTo(name)).findFirst();
    }

    /** {@code "supported are …"}. */
    public static String supported() {
        return "supported are " + all().map(Architecture::name).collect(Collectors.joining(" and "));
    }
}
