package dev.thinkingvit.model;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The architectures that there are: those of this library, and those of other jars that name theirs in
 * {@code META-INF/services/dev.thinkingvit.model.Architecture}. One of this library's own is added here, and nowhere else.
 */
public final class Architectures {
    private static final List<Architecture> OWN = List.of(
            ThinkingViTConfig.ARCHITECTURE,
            SwinConfig.ARCHITECTURE,
            DynamicViTConfig.ARCHITECTURE,
            SegmenterConfig.ARCHITECTURE,
            AdaptiveViT.ARCHITECTURE);

    private Architectures() {}

    /** The library's own come first: nobody else takes their names, and nobody else's fault keeps them from being found. */
    private static Stream<Architecture> all() {
        return Stream.of(OWN.stream(), Stream.of(Architecture.class).flatMap(Architectures::others))
                .flatMap(each -> each);
    }

    private static Stream<Architecture> others(Class<Architecture> service) {
        try {
            return ServiceLoader.load(service).stream().map(ServiceLoader.Provider::get).toList().stream();
        } catch (ServiceConfigurationError e) {
            throw new IllegalArgumentException(
                    "an architecture of another jar cannot be loaded: " + e.getMessage()
                            + "; take the jar off the class" + " path, or mend its META-INF/services/"
                            + service.getName(),
                    e);
        }
    }

    /** What configurations are of that name none: the architecture that was there first. */
    public static Architecture unnamed() {
        return OWN.get(0);
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

    /** The first architecture, the library's own before others, of which something holds. */
    public static Optional<Architecture> find(Predicate<Architecture> holds) {
        return all().filter(holds).findFirst();
    }

    /** What the first architecture says that says something, the library's own before others. */
    public static <T> Optional<T> first(Function<Architecture, Optional<T>> says) {
        return all().flatMap(each -> says.apply(each).stream()).findFirst();
    }

    /** The {@code model_type}s of transformers that are architectures here: {@code "vit, deit or swin"}. */
    public static String modelTypes() {
        List<String> types =
                all().flatMap(each -> each.elsewhere().modelTypes().stream()).toList();
        int last = types.size() - 1;
        return String.join(", ", types.subList(0, last)) + " or " + types.get(last);
    }

    /** The architecture that a recipe's keys describe, if there is one: see {@link Architecture#recipeKeys()}. */
    public static Optional<Architecture> describedBy(Collection<String> keys) {
        return all().filter(each -> each.recipeKeys().containsAll(keys)).findFirst();
    }

    /** The architecture that alone has tensors of such names, if there is one. */
    public static Optional<Architecture> recognised(Collection<String> tensors) {
        return all().filter(each -> tensors.stream().anyMatch(each::owns)).findFirst();
    }

    /** The architecture that claims such a file, if there is one. */
    public static Optional<Architecture> claimed(String file, Map<String, @Nullable Object> facts) {
        return all().filter(each -> each.claims(file, facts)).findFirst();
    }

    /** {@code "supported are …"}. */
    public static String supported() {
        List<String> names = all().map(Architecture::name).toList();
        int last = names.size() - 1;
        return "supported are " + String.join(", ", names.subList(0, last)) + " and " + names.get(last);
    }
}
