package dev.thinkingvit.distributed;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.StreamCorruptedException;
import java.net.InetAddress;
import java.net.Socket;
import java.time.Duration;

/**
 * A connection between process 0 and another. Any thread may send; one thread receives.
 */
final class Line implements AutoCloseable {
    private static final long MAGIC = 0x7468696E6B766974L; // "thinkvit"
    private static final Duration GREETING = Duration.ofSeconds(20);
    private static final int LONGEST_TEXT = 4000;

    private final Socket socket;
    private final PatientStream received;
    private final DataInputStream in;
    private final DataOutputStream out;

    Line(Socket socket) throws IOException {
        this.socket = socket;
        socket.setTcpNoDelay(true);
        this.received = new PatientStream(socket);
        this.in = new DataInputStream(new BufferedInputStream(received));
        this.out = new DataOutputStream(new BufferedOutputStream(socket.getOutputStream()));
    }

    /** Makes sure that the other end is one of us, before anything it says is believed. */
    void greet() throws IOException {
        out.writeLong(MAGIC);
        out.flush();
        patience(GREETING);
        if (in.readLong() != MAGIC) {
            throw new StreamCorruptedException("the other end is no process of a thinkingvit group");
        }
    }

    void send(Frame frame) throws IOException {
        synchronized (out) {
            out.writeByte(frame.kind().code());
            if (frame.kind() != Frame.Kind.BEAT) {
                out.writeInt(frame.number());
                out.writeInt(frame.size());
                String text = frame.text();
                out.writeUTF(text.length() <= LONGEST_TEXT ? text : text.substring(0, LONGEST_TEXT));
            }
            out.flush();
        }
    }

    /** Sends where that is possible: a broken line is noticed by the thread that receives from it. */
    void trySend(Frame frame) {
        try {
            send(frame);
        } catch (IOException e) {
            // see above
        }
    }

    /**
     * The next message.
     *
     * @throws java.net.SocketTimeoutException if nothing comes within the patience
     * @throws java.io.EOFException if the other end has closed
     */
    Frame receive() throws IOException {
        Frame.Kind kind = Frame.Kind.of(in.readUnsignedByte());
        return kind == Frame.Kind.BEAT ? Frame.of(kind) : new Frame(kind, in.readInt(), in.readInt(), in.readUTF());
    }

    /** How long {@link #receive} waits. */
    void patience(Duration patience) {
        received.patience(patience);
    }

    /** This end's address. */
    InetAddress here() {
        return socket.getLocalAddress();
    }

    /** The other end's address. */
    InetAddress there() {
        return socket.getInetAddress();
    }

    /** Says that nothing more will come, but goes on reading: a close would make the other end miss what is under way. */
    void shutdownOutput() {
        try {
            socket.shutdownOutput();
        } catch (IOException e) {
            // then it is shut already
        }
    }

    @Override
    public void close() {
        try {
            socket.close();
        } catch (IOException e) {
            // then it is closed already
        }
    }
}
