package dev.thinkingvit.distributed;

import java.io.FilterInputStream;
import java.io.IOException;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.time.Duration;

/** What a socket receives, waited for in {@link OwnTime}: a socket's own timeout also counts while its process is paused. */
final class PatientStream extends FilterInputStream {
    private static final int LOOK_MILLIS = 500;

    private volatile long patienceNanos = Long.MAX_VALUE;

    PatientStream(Socket socket) throws IOException {
        super(socket.getInputStream());
        socket.setSoTimeout(LOOK_MILLIS);
    }

    /** How long a read waits until it gives up with a {@link SocketTimeoutException}. */
    void patience(Duration patience) {
        patienceNanos = patience.toNanos();
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] bytes, int from, int length) throws IOException {
        long begin = OwnTime.nanos();
        while (true) {
            try {
                return super.read(bytes, from, length);
            } catch (SocketTimeoutException e) {
                if (OwnTime.nanos() - begin >= patienceNanos) {
                    throw e;
                }
            }
        }
    }
}
