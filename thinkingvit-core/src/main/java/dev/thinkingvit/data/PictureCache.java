package dev.thinkingvit.data;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReferenceArray;

/** Decoded pictures of a list of samples, kept in memory up to a limit. Thread-safe. */
final class PictureCache {

    private static final int OVERHEAD_BYTES = 64; // array, record and slot

    private final List<Sample> samples;
    private final PictureDecoder.Options options;
    private final long maxBytes;
    private final AtomicLong bytes = new AtomicLong();
    private final AtomicReferenceArray<Picture> pictures;

    PictureCache(List<Sample> samples, PictureDecoder.Options options, long maxBytes) {
        this.samples = samples;
        this.options = options;
        this.maxBytes = maxBytes;
        this.pictures = new AtomicReferenceArray<>(maxBytes == 0 ? 0 : samples.size());
    }

    /** The picture of a sample, decoded if it was not kept. */
    Picture get(int index) throws IOException {
        if (maxBytes == 0) {
            return PictureDecoder.decode(samples.get(index).path(), options);
        }
        Picture kept = pictures.get(index);
        if (kept != null) {
            return kept;
        }
        Picture picture = PictureDecoder.decode(samples.get(index).path(), options);
        int size = picture.rgb().length + OVERHEAD_BYTES;
        if (bytes.addAndGet(size) > maxBytes || !pictures.compareAndSet(index, null, picture)) {
            bytes.addAndGet(-size);
        }
        return picture;
    }

    /** Memory taken by what is kept. */
    long bytes() {
        return bytes.get();
    }
}
