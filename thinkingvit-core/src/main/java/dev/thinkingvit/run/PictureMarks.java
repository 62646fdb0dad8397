package dev.thinkingvit.run;

import dev.thinkingvit.data.ImageFolder;
import dev.thinkingvit.data.Sample;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;

/**
 * What tells a picture from another one of its name and size: a checksum of a few of its bytes. They are those of the
 * middle, since beginnings are often alike: headers, and the plain edges of pictures that are not compressed.
 */
final class PictureMarks {
    /** How many pictures of a data set are marked; of a larger one each 2nd, 4th, ... by a hash of its name. */
    static final int MOST = 100_000;

    private static final int BYTES = 4096;

    private static final long SCATTER = 0x9E3779B97F4A7C15L; // names are often numbered

    private PictureMarks() {}

    /** Marks by class and path within its folder; a picture that cannot be read has none. */
    static Map<String, Map<String, Long>> of(ImageFolder folder, int most) {
        List<Sample> samples = folder.samples();
        int stride = 1; // doubled, so that what is marked of a larger set was marked when it was smaller
        while (samples.size() / stride > most) {
            stride *= 2;
        }
        int each = stride;
        List<Marked> marked = samples.parallelStream()
                .map(sample -> Marked.of(folder.nameOf(sample), sample.path(), each))
                .toList();
        Map<String, Map<String, Long>> marks = new LinkedHashMap<>();
        for (Marked one : marked) {
            Map<String, Long> ofClass = marks.computeIfAbsent(one.className(), name -> new LinkedHashMap<>());
            if (one.mark() >= 0) {
                ofClass.put(one.name(), one.mark());
            }
        }
        return marks;
    }

    private record Marked(String className, String name, long mark) {
        static Marked of(String path, Path file, int stride) {
            int slash = path.indexOf('/');
            String name = path.substring(slash + 1);
            boolean chosen = ((name.hashCode() * SCATTER) >>> 32) % stride == 0;
            return new Marked(path.substring(0, slash), name, chosen ? middle(file) : -1);
        }
    }

    private static long middle(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            in.skipNBytes(Math.max(0, (Files.size(file) - BYTES) / 2));
            return crc(in.readNBytes(BYTES));
        } catch (IOException e) {
            return -1; // who reads the picture will tell
        }
    }

    /** The mark of a picture whose file holds these bytes. */
    static long of(byte[] bytes) {
        int from = Math.max(0, (bytes.length - BYTES) / 2);
        return crc(Arrays.copyOfRange(bytes, from, Math.min(bytes.length, from + BYTES)));
    }

    private static long crc(byte[] bytes) {
        CRC32 crc = new CRC32();
        crc.update(bytes);
        return crc.getValue();
    }
}
