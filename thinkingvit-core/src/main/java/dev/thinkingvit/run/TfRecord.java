package dev.thinkingvit.run;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;

/** TensorFlow's record format: length, its checksum, data, its checksum; all little-endian. */
final class TfRecord {
    private static final int MASK = 0xa282ead8;

    private TfRecord() {}

    /** {@code data} as one record of a file. */
    static byte[] frame(byte[] data) {
        ByteBuffer record = ByteBuffer.allocate(8 + 4 + data.length + 4).order(ByteOrder.LITTLE_ENDIAN);
        record.putLong(data.length);
        record.putInt(maskedCrc32c(record.array(), 0, 8));
        record.put(data);
        record.putInt(maskedCrc32c(data, 0, data.length));
        return record.array();
    }

    /** CRC-32C, turned and shifted as the format wants it: data that hold checksums themselves check badly otherwise. */
    static int maskedCrc32c(byte[] bytes, int from, int length) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, from, length);
        return Integer.rotateRight((int) crc.getValue(), 15) + MASK;
    }
}
