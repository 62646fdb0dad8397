package dev.thinkingvit.model;

import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** The architectures that there are. A new one is added here, and nowhere else. */
public final class Architectures {
    private static final List<Architecture> ALL = List.of(ThinkingViTConfig.ARCHITECTURE, SwinConfig.ARCHITECTURE);

    private Architectures() {}

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
        return ALL.stream().filter(each -> each.answersTo(name)).findFirst();
    }

    /** {@code "supported are …"}. */
    public static String supported() {
        return "supported are " + ALL.stream().map(Architecture::name).collect(Collectors.joining(" and "));
    }
}
