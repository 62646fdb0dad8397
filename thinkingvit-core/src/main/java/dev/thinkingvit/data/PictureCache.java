package dev.thinkingvit.data;

import dev.thinkingvit.picture.Picture;
import dev.thinkingvit.picture.PictureDecoder;
import dev.thinkingvit.picture.PictureException;
import java.io.IOException;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * Decoded pictures of a list of samples, kept in memory up to a limit. With a check, a file is asked after whenever its
 * picture is used: what is gone or another one is not shown from memory as if it were there. Thread-safe.
 */
final class PictureCache {

    private static final int OVERHEAD_BYTES = 64; // array, record and slot

    private final List<Sample> samples;
    private final PictureDecoder.Options options;
    private final long maxBytes;
    private final AtomicLong bytes = new AtomicLong();
    private final AtomicReferenceArray<Kept> pictures;
    private final @Nullable ContentCheck check;

    /** @param stamp of the file; null without a check */
    private record Kept(Picture picture, @Nullable FileStamp stamp) {}

    PictureCache(List<Sample> samples, PictureDecoder.Options options, long maxBytes, @Nullable ContentCheck check) {
        this.samples = samples;
        this.options = options;
        this.maxBytes = maxBytes;
        this.check = check;
        this.pictures = new AtomicReferenceArray<>(maxBytes == 0 ? 0 : samples.size());
    }

    /** The picture of a sample, decoded if it was not kept. */
    Picture get(int index) throws IOException {
        if (maxBytes == 0) {
            return read(index);
        }
        Kept kept = pictures.get(index);
        FileStamp stamp = check == null ? null : FileStamp.of(samples.get(index).path());
        if (kept != null && Objects.equals(kept.stamp, stamp)) {
            return kept.picture;
        }
        Picture picture = read(index);
        int size = picture.rgb().length + OVERHEAD_BYTES;
        long more = kept == null ? size : size - (kept.picture.rgb().length + OVERHEAD_BYTES);
        if (bytes.addAndGet(more) > maxBytes || !pictures.compareAndSet(index, kept, new Kept(picture, stamp))) {
            bytes.addAndGet(-more);
        }
        return picture;
    }

    private Picture read(int index) throws IOException {
        Sample sample = samples.get(index);
        byte[] content = PictureDecoder.read(sample.path());
        String fault = check == null ? null : check.fault(sample, content);
        if (fault != null) {
            throw new PictureException(sample.path() + ": " + fault);
        }
        return PictureDecoder.decode(content, sample.path().toString(), options);
    }

    /** Memory taken by what is kept. */
    long bytes() {
        return bytes.get();
    }
}
