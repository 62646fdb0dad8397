package dev.thinkingvit.store;

import dev.thinkingvit.files.AtomicFiles;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Brings one content into the cache: what was fetched stays where a connection breaks or the process dies, and the next
 * try goes on from there; the whole is compared with its hash before it gets its name.
 */
final class HubDownload {
    /** Tries in a row that bring not a byte. */
    private static final int TRIES = 5;

    private static final int BUFFER_BYTES = 1 << 17;
    private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");
    private static final Pattern GIT_SHA1 = Pattern.compile("[0-9a-f]{40}");

    private final HubClient client;
    private final HubClient.Remote remote;
    private final Path blob;
    private final Path incomplete;
    private final Hub.Listener listener;
    private final long firstWaitMillis;

    HubDownload(
            HubClient client,
            HubClient.Remote remote,
            Path blob,
            Path incomplete,
            Hub.Listener listener,
            long firstWaitMillis) {
        this.client = client;
        this.remote = remote;
        this.blob = blob;
        this.incomplete = incomplete;
        this.listener = listener;
        this.firstWaitMillis = firstWaitMillis;
    }

    /**
     * @throws HubException if the hub refuses, keeps failing, or gives other bytes than it said
     * @throws IOException if the disk fails
     * @throws InterruptedException while it waits to try again; what was fetched stays
     */
    void run() throws IOException, InterruptedException {
        fetch();
        if (!isRight()) {
            // a byte that changed on its way, or what an earlier process left was of something else
            listener.note(remote.file() + ": what came of it is not what its hash says; it is fetched anew");
            Files.delete(incomplete);
            fetch();
            if (!isRight()) {
                Files.delete(incomplete);
                throw wrong();
            }
        }
        Files.move(incomplete, blob, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        Path folder = blob.getParent();
        if (folder != null) {
            AtomicFiles.syncDirectory(folder);
        }
    }

    private HubException wrong() {
        return new HubException(remote.model() + ": " + remote.file() + " came with another content than its hash "
                + remote.etag() + " says, twice; nothing of it was kept");
    }

    /** @param size bytes of the whole; negative if nobody knows */
    private void requireRoom(long size) throws IOException {
        Path folder = blob.getParent();
        if (folder == null || size < 0) {
            return;
        }
        long free = Files.getFileStore(folder).getUsableSpace();
        if (size - size() > free) {
            throw new HubException(String.format(
                    "%s: %s takes %,d bytes, %s has room for %,d; HF_HOME moves the cache",
                    remote.model(), remote.file(), size, folder, free));
        }
    }

    private void fetch() throws IOException, InterruptedException {
        int failures = 0;
        while (true) {
            long before = size();
            if (!isHashed() && remote.size() >= 0 && before > remote.size()) {
                Files.delete(incomplete);
                before = 0;
            }
            if (before == remote.size() && Files.exists(incomplete) && isRight()) {
                return; // nothing has to be fetched of an empty file
            }
            Optional<IOException> failure = part(before);
            if (failure.isEmpty()) {
                return;
            }
            IOException e = failure.get();
            failures = size() > before ? 1 : failures + 1;
            if (failures >= TRIES) {
                throw new HubException(
                        remote.model() + ": " + remote.file() + " broke off after " + size() + " bytes, " + TRIES
                                + " tries in a row brought no more: " + e.getMessage()
                                + "; the next call goes on there",
                        e);
            }
            listener.note(remote.file() + ": " + e.getMessage() + "; going on at byte " + size());
            int asked = e instanceof HubClient.BusyException busy ? busy.seconds() : 0;
            if (asked > Hub.MAX_WAIT_SECONDS) {
                throw new HubException(remote.model() + ": " + e.getMessage() + "; the next call goes on there", e);
            }
            Thread.sleep(Math.max(asked * 1000L, firstWaitMillis << (failures - 1)));
        }
    }

    private long size() throws IOException {
        return Files.exists(incomplete) ? Files.size(incomplete) : 0;
    }

    /** Appends what comes; the network's failure is returned, the disk's is thrown. */
    private Optional<IOException> part(long from) throws IOException {
        HubClient.Content content;
        try {
            content = client.open(remote, from);
        } catch (IOException e) {
            return Optional.of(e);
        }
        long size = size(content);
        try (FileChannel out = FileChannel.open(incomplete, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            requireRoom(size);
            if (size < 0) {
                out.truncate(content.start());
            } // else a hub that begins anew and breaks off sooner takes nothing away; the hash judges the whole
            out.position(content.start());
            long done = content.start();
            byte[] buffer = new byte[BUFFER_BYTES];
            while (true) {
                int count;
                try {
                    count = content.in().read(buffer);
                } catch (IOException e) {
                    return Optional.of(e);
                }
                if (count < 0) {
                    break;
                }
                ByteBuffer bytes = ByteBuffer.wrap(buffer, 0, count);
                while (bytes.hasRemaining()) {
                    out.write(bytes);
                }
                done += count;
                listener.onBytes(remote.file(), done, size);
            }
            if (done == size) {
                out.truncate(done); // of something longer that was there
            }
            out.force(true);
            return isWhole(done, content) ? Optional.empty() : Optional.of(new IOException(HubClient.ENDED_EARLY));
        } finally {
            close(content);
        }
    }

    /**
     * Bytes of the whole, -1 if nobody says it. A hub's word of a file that it keeps elsewhere may be out of date; where a
     * hash judges the whole, who sends it is believed.
     */
    private long size(HubClient.Content content) {
        boolean theirs = content.size() >= 0 && (isHashed() || remote.size() < 0);
        return theirs ? content.size() : remote.size();
    }

    /** Whether all has come; where nobody says how much that is, or they differ, the hash does. */
    private boolean isWhole(long done, HubClient.Content content) throws IOException {
        long most = isHashed() ? Math.max(remote.size(), content.size()) : size(content);
        return (most >= 0 && done >= most) || ((isHashed() || most < 0) && isRight());
    }

    /** Whether the hub gives a hash that we know, which then says of any bytes whether they are right. */
    private boolean isHashed() {
        return SHA256.matcher(remote.etag()).matches()
                || GIT_SHA1.matcher(remote.etag()).matches();
    }

    private static void close(HubClient.Content content) {
        try {
            content.close();
        } catch (IOException e) {
            // of a connection that has said all it will
        }
    }

    /** Whether the bytes are those of the hash; one that is no hash we know says nothing but for the length. */
    private boolean isRight() throws IOException {
        long size = size();
        if (!isHashed()) {
            return remote.size() < 0 || size == remote.size();
        }
        try {
            MessageDigest digest;
            if (SHA256.matcher(remote.etag()).matches()) {
                digest = MessageDigest.getInstance("SHA-256");
            } else {
                digest = MessageDigest.getInstance("SHA-1");
                digest.update(("blob " + size + "\0").getBytes(StandardCharsets.US_ASCII));
            }
            if (size > 0 || Files.exists(incomplete)) {
                try (InputStream in = Files.newInputStream(incomplete)) {
                    byte[] buffer = new byte[BUFFER_BYTES];
                    for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
                        digest.update(buffer, 0, count);
                    }
                }
            }
            return HexFormat.of().formatHex(digest.digest()).equals(remote.etag());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-1 and SHA-256", e);
        }
    }
}
