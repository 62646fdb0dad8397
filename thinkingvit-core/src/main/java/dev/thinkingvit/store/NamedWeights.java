package dev.thinkingvit.store;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.Opaque;
import dev.thinkingvit.checkpoint.Weights;
import dev.thinkingvit.store.KnownNames.Manner;
import dev.thinkingvit.tensor.HostTensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A dictionary of weights under their network's own names: what compiling, data parallelism, averaging and trainers put
 * in front of them is taken off when, and only when, names of a Vision or Swin Transformer are left. Weights of another network
 * keep every name.
 *
 * @param manner in whose manner the names are; null if they are neither's
 * @param tensors by name
 * @param notes what was taken off, chosen and passed over, a line each
 */
record NamedWeights(@Nullable Manner manner, Map<String, HostTensor> tensors, List<String> notes) {
    private static final int NAMED = 4;
    private static final int SHOWN = 120;
    private static final Pattern DIGITS = Pattern.compile("\\d+");

    /** A value under the name that is left, and what was in front of it. */
    private record Named(String original, String prefix, String name, Object value) {}

    /**
     * @param file for messages
     * @param entry the dictionary
     * @param which of the weights and their moving average, where both are in it
     * @throws CheckpointException if two values claim one name, a weight is no tensor, or that set is not in it
     */
    static NamedWeights of(Path file, WeightsEntry entry, Weights which) {
        Map<String, Object> values = new LinkedHashMap<>();
        entry.content().forEach((key, value) -> {
            if (key instanceof String name && value != null) {
                values.put(name, value);
            }
        });
        return new Reader(file, entry, which).read(values);
    }

    private static final class Reader {
        private final Path file;
        private final WeightsEntry entry;
        private final Weights which;
        private final List<String> notes = new ArrayList<>();
        private final List<String> passedOver = new ArrayList<>();

        Reader(Path file, WeightsEntry entry, Weights which) {
            this.file = file;
            this.entry = entry;
            this.which = which;
            notes.addAll(entry.notes());
        }

        NamedWeights read(Map<String, Object> values) {
            Manner manner = manner(values);
            List<String> cores = manner == null ? List.of() : cores(values, manner);
            // of several networks the one that stands by itself
            String core = cores.isEmpty() || cores.contains("") ? "" : cores.get(0);
            boolean counted = values.keySet().stream().anyMatch(name -> name.endsWith("n_averaged"));
            List<Named> averages = new ArrayList<>();
            List<Named> models = new ArrayList<>();
            List<Named> others = new ArrayList<>();
            values.forEach((name, value) -> {
                Named known = manner == null ? null : unwrap(name, value, manner, core);
                if (known == null) {
                    others.add(new Named(name, "", name, value));
                } else if (KnownNames.isAverage(known.prefix())) {
                    averages.add(known);
                } else {
                    models.add(known);
                }
            });
            withoutCopies(models);
            withoutFragments(averages, models, manner);
            List<Named> chosen = choose(models, averages, counted);
            if (manner != null) {
                withoutOutsiders(others, chosen, manner, cores);
            }
            Map<String, HostTensor> tensors = tensors(chosen, others, manner != null);
            tellPrefixes(chosen);
            if (!passedOver.isEmpty()) {
                notes.add("passed over: " + listed(passedOver));
            }
            if (tensors.isEmpty()) {
                throw new CheckpointException(file, entry.where() + "no tensors in it");
            }
            return new NamedWeights(manner, tensors, List.copyOf(notes));
        }

        /** Told by what embeds the patches, unless something belongs to another network for sure. */
        private @Nullable Manner manner(Map<String, Object> values) {
            List<String> foreign = values.keySet().stream()
                    .filter(name -> KnownNames.foreignNetwork(name) != null)
                    .toList();
            if (!foreign.isEmpty() && foreign.stream().allMatch(KnownNames::isSegmenter)) {
                return manner(values, List.of(Manner.SEGMENTER));
            }
            if (!foreign.isEmpty()) {
                return foreign.stream().allMatch(KnownNames::isSwin)
                        ? manner(values, List.of(Manner.SWIN, Manner.TRANSFORMERS_SWIN))
                        : null;
            }
            return manner(values, List.of(Manner.TIMM, Manner.TRANSFORMERS, Manner.TORCHVISION));
        }

        private static @Nullable Manner manner(Map<String, Object> values, List<Manner> manners) {
            for (Manner manner : manners) {
                for (String name : values.keySet()) {
                    if (essentialPrefix(name, manner) != null) {
                        return manner;
                    }
                }
            }
            return null;
        }

        private static @Nullable String essentialPrefix(String name, Manner manner) {
            if (KnownNames.isAbsurd(name)) {
                return null;
            }
            String plain = KnownNames.withoutInner(name);
            String essential = manner.essential();
            boolean whole = plain.equals(essential) || plain.endsWith("." + essential);
            return whole ? plain.substring(0, plain.length() - essential.length()) : null;
        }

        /** What nobody knows of the prefix; the names of one network share it. */
        private static List<String> cores(Map<String, Object> values, Manner manner) {
            return values.keySet().stream()
                    .map(name -> essentialPrefix(name, manner))
                    .filter(prefix -> prefix != null)
                    .map(prefix -> unknown(prefix))
                    .distinct()
                    .toList();
        }

        private static String unknown(String prefix) {
            StringBuilder rest = new StringBuilder();
            for (String part : prefix.split("\\.", -1)) {
                if (!part.isEmpty()
                        && !KnownNames.WRAPPERS.contains(part)
                        && !DIGITS.matcher(part).matches()) {
                    rest.append(part).append('.');
                }
            }
            return rest.toString();
        }

        /** The longest known name at the end, if what is in front of it may come off; else null. */
        private static @Nullable Named unwrap(String original, Object value, Manner manner, String core) {
            if (KnownNames.isAbsurd(original)) {
                return null;
            }
            String plain = KnownNames.withoutInner(original);
            int start = 0;
            while (true) {
                String name = plain.substring(start);
                if (manner.knows(name)) {
                    String rest = unknown(plain.substring(0, start));
                    // what is inside a name is told as if it were in front
                    String prefix = original.endsWith(name)
                            ? original.substring(0, original.length() - name.length())
                            : original;
                    return rest.isEmpty() || rest.equals(core) ? new Named(original, prefix, name, value) : null;
                }
                int next = plain.indexOf('.', start);
                if (next < 0) {
                    return null;
                }
                start = next + 1;
            }
        }

        /** ema-pytorch's copy of weights that also stand for themselves is the same module. */
        private void withoutCopies(List<Named> models) {
            if (models.stream().anyMatch(named -> !KnownNames.isOnline(named.prefix()))) {
                passOver(models, named -> KnownNames.isOnline(named.prefix()));
            }
        }

        /** A few names beside the weights are no moving average of them. */
        private void withoutFragments(List<Named> averages, List<Named> models, @Nullable Manner manner) {
            boolean whole = manner != null
                    && (averages.size() >= models.size()
                            || averages.stream().anyMatch(named -> named.name().equals(manner.essential())));
            if (!models.isEmpty() && !whole) {
                passOver(averages, named -> true);
            }
        }

        /**
         * Where every name of the network is within a wrapper, a tensor outside is the trainer's: a loss's weights, levels
         * to normalise with, another network. What may be a part of the network that lost its way stays.
         */
        private void withoutOutsiders(List<Named> others, List<Named> chosen, Manner manner, List<String> cores) {
            Set<String> prefixes = chosen.stream().map(Named::prefix).collect(Collectors.toSet());
            if (chosen.isEmpty() || prefixes.contains("")) {
                return;
            }
            passOver(
                    others,
                    other -> other.value() instanceof HostTensor
                            && prefixes.stream().noneMatch(other.original()::startsWith)
                            && !mayBeOfNetwork(other.original(), manner, cores));
        }

        private static boolean mayBeOfNetwork(String name, Manner manner, List<String> cores) {
            if (KnownNames.isAbsurd(name)) {
                return false;
            }
            String plain = KnownNames.withoutInner(name);
            int start = 0;
            while (!manner.knows(plain.substring(start))) {
                int dot = plain.indexOf('.', start);
                if (dot < 0) {
                    return false;
                }
                start = dot + 1;
            }
            String core = unknown(plain.substring(0, start));
            return !(cores.contains("") && cores.contains(core)); // else a whole network, beside one by itself
        }

        private void passOver(List<Named> from, Predicate<Named> which) {
            from.stream().filter(which).forEach(named -> passedOver.add(named.original()));
            from.removeIf(which);
        }

        private List<Named> choose(List<Named> models, List<Named> averages, boolean counted) {
            boolean average = entry.average() || counted;
            if (!averages.isEmpty() && !models.isEmpty()) {
                boolean takeAverage = which != Weights.MODEL;
                notes.add("beside each other are the weights (" + prefixes(models) + ") and their moving average ("
                        + prefixes(averages) + "); taken is "
                        + (takeAverage ? "the average, --weights model takes the others" : "what is no average"));
                return takeAverage ? averages : models;
            }
            if (which == Weights.EMA && averages.isEmpty() && !average) {
                throw new CheckpointException(file, entry.noAverage());
            }
            if (which == Weights.MODEL && models.isEmpty() && !averages.isEmpty()) {
                throw new CheckpointException(
                        file,
                        entry.where() + "has only a moving average of the weights (" + prefixes(averages)
                                + "); --weights ema takes it");
            }
            return averages.isEmpty() ? models : averages;
        }

        private Map<String, HostTensor> tensors(List<Named> chosen, List<Named> others, boolean recognised) {
            Map<String, String> origins = new LinkedHashMap<>();
            Map<String, HostTensor> tensors = new LinkedHashMap<>();
            for (Named named : chosen) {
                String before = origins.put(named.name(), named.original());
                if (before != null) {
                    throw new CheckpointException(
                            file,
                            entry.where() + "two tensors are named '" + named.name() + "' once prefixes are off: '"
                                    + before + "' and '" + named.original() + "'");
                }
                if (KnownNames.isBookkeeping(named.name())) {
                    passedOver.add(named.original());
                } else if (named.value() instanceof HostTensor tensor) {
                    tensors.put(named.name(), tensor);
                } else {
                    throw new CheckpointException(
                            file,
                            entry.where() + "'" + named.original() + "' should be a tensor, is "
                                    + Opaque.describe(named.value()));
                }
            }
            for (Named other : others) {
                if (other.value() instanceof HostTensor tensor && !(recognised && isBeside(other.original(), tensor))) {
                    tensors.put(other.original(), tensor);
                } else if (!entry.path().isEmpty()
                        || other.value() instanceof HostTensor
                        || other.value() instanceof Opaque) {
                    passedOver.add(other.original());
                }
            }
            return tensors;
        }

        /** Counters, settings of averaging, states of generators: no weights, whatever network they are beside. */
        private static boolean isBeside(String name, HostTensor tensor) {
            return KnownNames.isBookkeeping(name)
                    || tensor.shape().length == 0
                    || !tensor.dtype().isFloating();
        }

        private void tellPrefixes(List<Named> chosen) {
            Map<String, Integer> counts = new LinkedHashMap<>();
            chosen.forEach(named -> counts.merge(shown(named), 1, Integer::sum));
            counts.remove("");
            if (!counts.isEmpty()) {
                List<String> told = new ArrayList<>();
                counts.forEach((prefix, count) -> told.add("'" + prefix + "' (" + count + ")"));
                notes.add("taken off the names: " + listed(told));
            }
        }

        private static String shown(Named named) {
            return named.prefix().equals(named.original()) && !named.original().equals(named.name())
                    ? "…" + String.join(".", inner(named.original())) + "."
                    : named.prefix();
        }

        /** The wrappers that stand within a name. */
        private static List<String> inner(String name) {
            List<String> parts = new ArrayList<>(Arrays.asList(name.split("\\.", -1)));
            parts.removeAll(Arrays.asList(KnownNames.withoutInner(name).split("\\.", -1)));
            return parts.stream().distinct().toList();
        }

        private static String prefixes(List<Named> names) {
            return listed(names.stream()
                    .map(Reader::shown)
                    .distinct()
                    .map(prefix -> "'" + prefix + "'")
                    .toList());
        }

        private static String listed(List<String> all) {
            return all.stream()
                            .limit(NAMED)
                            .map(name -> name.length() > SHOWN ? name.substring(0, SHOWN) + "…" : name)
                            .collect(Collectors.joining(", "))
                    + (all.size() > NAMED ? ", and " + (all.size() - NAMED) + " more" : "");
        }
    }
}
