package dev.thinkingvit.checkpoint;

import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.HostTensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads {@code .npz} files, as Google publishes Vision Transformers: a zip archive of
 * <a href="https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html">.npy</a> files, one an array. What an
 * array's header claims is checked against its entry.
 */
public final class NumpyArchive {
    private static final String ENDING = ".npy";
    static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
    private static final int MAX_HEADER_BYTES = 1 << 16;
    private static final int MAX_PREFIX_BYTES = 12;
    private static final int MAX_DIMENSIONS = 64;
    private static final int ZIP_NAME_LENGTH = 26;
    private static final int ZIP_NAME = 30;

    private static final Pattern TYPE = Pattern.compile("'descr'\\s*:\\s*(?:'([^']*)'|\\[)");
    private static final Pattern ORDER = Pattern.compile("'fortran_order'\\s*:\\s*(True|False)");
    private static final Pattern SHAPE = Pattern.compile("'shape'\\s*:\\s*\\(([0-9L, ]*)\\)");

    private static final Map<String, DType> DTYPES = Map.ofEntries(
            Map.entry("<f8", DType.F64),
            Map.entry("<f4", DType.F32),
            Map.entry("<f2", DType.F16),
            Map.entry("<i8", DType.I64),
            Map.entry("<i4", DType.I32),
            Map.entry("<i2", DType.I16),
            Map.entry("|i1", DType.I8),
            Map.entry("|u1", DType.U8),
            Map.entry("|b1", DType.BOOL));

    private final Path file;
    private final StridedViews views;
    private final Map<String, HostTensor> tensors = new LinkedHashMap<>();
    private final Map<String, String> others = new LinkedHashMap<>();

    /**
     * What a file holds.
     *
     * @param tensors by the arrays' names; read-only views of the mapped file where they are row-major and stored
     *     uncompressed
     * @param others the types of what is not read, by name: arrays of objects, texts or structures, of numbers that are
     *     not computed with or not little-endian
     */
    public record Contents(Map<String, HostTensor> tensors, Map<String, String> others) {
        public Contents {
            tensors = Collections.unmodifiableMap(tensors);
            others = Collections.unmodifiableMap(others);
        }
    }

    private NumpyArchive(Path file, MemoryBudget budget) {
        this.file = file;
        this.views = new StridedViews(file, budget);
    }

    /** Whether a file that begins with {@code start} is such an archive: its first entry is an array. */
    public static boolean begins(ByteBuffer start) {
        if (!TorchFile.isZip(start) || start.remaining() < ZIP_NAME) {
            return false;
        }
        ByteBuffer little = start.slice().order(ByteOrder.LITTLE_ENDIAN);
        int end = ZIP_NAME + (little.getShort(ZIP_NAME_LENGTH) & 0xFFFF);
        ByteBuffer ending = ByteBuffer.wrap(ENDING.getBytes(StandardCharsets.US_ASCII));
        return end <= little.limit()
                && end - ENDING.length() >= ZIP_NAME
                && little.slice(end - ENDING.length(), ENDING.length()).equals(ending);
    }

    /** @throws CheckpointException if the archive or an array in it is damaged or lies about its size */
    public static Contents read(FileBytes bytes) {
        MemoryBudget budget = new MemoryBudget(bytes.file(), bytes.size());
        ZipArchive archive = new ZipArchive(bytes, budget);
        NumpyArchive reader = new NumpyArchive(bytes.file(), budget);
        for (String entry : archive.names()) {
            if (entry.endsWith(ENDING)) {
                reader.array(entry.substring(0, entry.length() - ENDING.length()), archive, entry);
            } else if (!entry.endsWith("/")) {
                reader.others.put(entry, "no array");
            }
        }
        return new Contents(reader.tensors, reader.others);
    }

    private void array(String name, ZipArchive archive, String entry) {
        ByteBuffer start = archive.start(entry, MAX_HEADER_BYTES + MAX_PREFIX_BYTES);
        String header = header(name, start);
        int headerBytes = start.position();
        Matcher type = found(name, TYPE, header, "type");
        boolean columnMajor = found(name, ORDER, header, "order").group(1).equals("True");
        long[] shape = shape(name, found(name, SHAPE, header, "shape").group(1));
        DType dtype = type.group(1) == null ? null : DTYPES.get(type.group(1));
        if (dtype == null) {
            others.put(name, "numpy type " + (type.group(1) == null ? "structure" : "'" + type.group(1) + "'"));
            return;
        }
        Long size = archive.size(entry);
        long bytes = (size == null ? 0 : size) - headerBytes;
        long elements = bytes / dtype.bytes();
        if (bytes > Integer.MAX_VALUE) {
            throw new CheckpointException(file, "a block of " + bytes + " bytes; at most 2 GiB are supported");
        }
        if (bytes % dtype.bytes() != 0 || !holds(shape, elements)) {
            throw new CheckpointException(
                    file,
                    "array '" + name + "' of shape " + Arrays.toString(shape) + " and type " + dtype
                            + " is truncated or damaged: " + bytes + " bytes follow its header");
        }
        HostTensor flat = new HostTensor(
                dtype, new long[] {elements}, archive.source(entry).from(headerBytes));
        HostTensor view = views.view(flat, 0, shape, columnMajor ? columnMajor(shape) : rowMajor(shape));
        if (view == null) {
            others.put(name, "a transposed array that would take memory out of proportion to the file");
        } else {
            tensors.put(name, view);
        }
    }

    /** Reads the header and moves {@code content} to the array's first byte. */
    private String header(String name, ByteBuffer content) {
        if (content.remaining() < 12 || !content.slice(content.position(), 6).equals(ByteBuffer.wrap(MAGIC))) {
            throw new CheckpointException(file, "entry '" + name + ENDING + "' is damaged: it is no numpy array");
        }
        content.position(content.position() + MAGIC.length);
        int version = content.getShort() & 0xFF;
        long length = version == 1 ? content.getShort() & 0xFFFF : content.getInt() & 0xFFFF_FFFFL;
        if (version < 1 || version > 3 || length > Math.min(MAX_HEADER_BYTES, content.remaining())) {
            throw new CheckpointException(
                    file,
                    "array '" + name + "' is damaged: its header is of version " + version + " and " + length
                            + " bytes; versions 1 to 3 and at most " + MAX_HEADER_BYTES + " bytes are read");
        }
        byte[] header = new byte[(int) length];
        content.get(header);
        return new String(header, StandardCharsets.ISO_8859_1);
    }

    private Matcher found(String name, Pattern pattern, String header, String what) {
        Matcher matcher = pattern.matcher(header);
        if (!matcher.find()) {
            throw new CheckpointException(file, "array '" + name + "' is damaged: its header has no " + what);
        }
        return matcher;
    }

    private long[] shape(String name, String list) {
        try {
            long[] shape = Pattern.compile(",")
                    .splitAsStream(list.replaceAll("[L ]", ""))
                    .filter(size -> !size.isEmpty())
                    .limit(MAX_DIMENSIONS + 1L)
                    .mapToLong(Long::parseLong)
                    .toArray();
            if (shape.length <= MAX_DIMENSIONS) {
                return shape;
            }
        } catch (NumberFormatException e) {
            throw new CheckpointException(file, "array '" + name + "' has an absurd shape", e);
        }
        throw new CheckpointException(file, "array '" + name + "' has more than " + MAX_DIMENSIONS + " dimensions");
    }

    private static boolean holds(long[] shape, long elements) {
        try {
            return Arrays.stream(shape).reduce(1, Math::multiplyExact) == elements;
        } catch (ArithmeticException e) {
            return false;
        }
    }

    private static long[] rowMajor(long[] shape) {
        long[] strides = new long[shape.length];
        long stride = 1;
        for (int i = shape.length - 1; i >= 0; i--) {
            strides[i] = stride;
            stride *= shape[i];
        }
        return strides;
    }

    private static long[] columnMajor(long[] shape) {
        long[] strides = new long[shape.length];
        long stride = 1;
        for (int i = 0; i < shape.length; i++) {
            strides[i] = stride;
            stride *= shape[i];
        }
        return strides;
    }
}
