package dev.thinkingvit.data;

/**
 * Where an epoch stands, in pictures, so that whoever goes on with other batches leaves none out and shows none again.
 *
 * @param entries of the epoch's order, which all shards have in common, that are done
 * @param picture the next one's place in the shuffled list
 * @param copy how often it was shown already; see {@link BatchLoader.Builder#repeats}
 */
public record EpochPlace(int entries, int picture, int copy) {
    /** The beginning. */
    public static final EpochPlace START = new EpochPlace(0, 0, 0);

    public EpochPlace {
        if (entries < 0 || picture < 0 || picture > entries || copy < 0) {
            throw new IllegalArgumentException("no place in an epoch: " + entries + ", " + picture + ", " + copy);
        }
    }

    /** The place further entries on, each picture being shown {@code repeats} times. */
    public EpochPlace plus(int more, int repeats) {
        EpochPlace from = within(repeats);
        int shown = from.copy + more;
        return new EpochPlace(Math.addExact(entries, more), from.picture + shown / repeats, shown % repeats);
    }

    /** The same where pictures are shown {@code repeats} times from here on. */
    EpochPlace within(int repeats) {
        return copy < repeats ? this : new EpochPlace(entries, picture + 1, 0);
    }
}
