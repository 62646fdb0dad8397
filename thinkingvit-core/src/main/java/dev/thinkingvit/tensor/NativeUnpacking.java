package dev.thinkingvit.tensor;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.JarURLConnection;
import java.net.URL;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Has every library whole in the cache before the first is loaded. JavaCPP unpacks one, loads it, and unpacks the next; but a
 * library's loading pulls in its neighbours in the folder, and one that another process is still writing, or that a killed
 * process has left half there, ends the process that loads it.
 *
 * <p>Here they are unpacked beside their place, checked and renamed, by one process at a time. They lie where JavaCPP looks
 * for them, with the size and the time by which it knows them again. While one is open, other processes that miss something
 * wait, and say so when it takes long; those for whom all is there do not, or only for a while where nobody has loaded it yet:
 * the process that is to may have been stopped.
 */
final class NativeUnpacking implements AutoCloseable {
    private static final String LOCK = ".thinkingvit.lock";
    private static final String WHOLE = ".thinkingvit-whole-";
    private static final String UNFINISHED = ".unpacking-";
    private static final String NO_SUBFOLDERS = "org.bytedeco.javacpp.cachedir.nosubdir";
    private static final long LOCK_POLL_MILLIS = 50;
    private static final long LOOK_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(10); // loading takes a second or two

    private static final Logger log = LoggerFactory.getLogger(NativeUnpacking.class);

    private final Path mark;
    private final @Nullable FileChannel channel; // whose lock is held; null if nothing is to be done, or without locks

    private NativeUnpacking(Path mark, @Nullable FileChannel channel) {
        this.mark = mark;
        this.channel = channel;
    }

    /** One library's file. */
    private record Member(URL jar, String entry, Path file, long size, long time, long crc) {
        boolean isWhole() {
            try {
                return Files.isRegularFile(file)
                        && Files.isReadable(file)
                        && Files.size(file) == size
                        && Files.getLastModifiedTime(file).toMillis() == time;
            } catch (IOException e) {
                return false;
            }
        }

        Path unfinished() {
            return file.resolveSibling(UNFINISHED + file.getFileName());
        }
    }

    /**
     * Looks what is there, and unpacks the rest.
     *
     * @param cache the folder
     * @throws IOException if it cannot be written to, or a jar is damaged
     */
    static NativeUnpacking begin(Path cache, List<NativeJars.Library> libraries) throws IOException {
        List<Member> members = members(cache, libraries);
        Path mark = cache.resolve(WHOLE
                + Integer.toHexString(new TreeSet<>(members.stream()
                                .map(member -> member.file() + " " + member.size() + " " + member.time())
                                .toList())
                        .hashCode()));
        boolean whole = members.stream().allMatch(Member::isWhole);
        if (whole && !members.isEmpty() && !Files.isWritable(cache) && !NativeCache.useAsItIs(cache)) {
            NativeCache.chooseAnother();
            return begin(NativeCache.chosen(), libraries);
        }
        if (whole && (Files.exists(mark) || !Files.isWritable(cache))) {
            return new NativeUnpacking(mark, null);
        }
        NativeCache.requireWritable(cache);
        FileChannel channel = lock(cache, () -> members.stream().allMatch(Member::isWhole));
        NativeUnpacking unpacking = new NativeUnpacking(mark, channel);
        if (channel == null && members.stream().allMatch(Member::isWhole)) {
            return unpacking;
        }
        try {
            if (!Files.exists(mark)) { // else somebody was faster
                sweep(cache, members);
            }
            for (Member member : members) {
                if (!member.isWhole()) {
                    unpack(member);
                }
            }
            return unpacking;
        } catch (IOException | RuntimeException | Error e) {
            unpacking.close();
            throw e;
        }
    }

    /** All was loaded: nothing in the folders is half there. */
    void done() {
        if (channel != null) {
            try {
                Files.write(mark, new byte[0]);
            } catch (IOException e) {
                // the next process looks once more
            }
        }
    }

    @Override
    public void close() {
        if (channel != null) {
            try {
                channel.close(); // with its lock
            } catch (IOException e) {
                // nothing was written to it
            }
        }
    }

    /** What is in jars, of all libraries; what lies in folders or in a runtime image JavaCPP finds by itself. */
    private static List<Member> members(Path cache, List<NativeJars.Library> libraries) throws IOException {
        List<Member> members = new ArrayList<>();
        Set<String> names = new HashSet<>(); // a second library of a name is linked to the first by JavaCPP
        Set<String> bindings = new HashSet<>();
        libraries.forEach(library -> bindings.add(System.mapLibraryName(library.library())));
        String bindingsBegin = System.mapLibraryName("jni").replaceFirst("\\.\\w+$", "");
        for (NativeJars.Library library : libraries) {
            URL url = library.nativesHere();
            if (url == null || !(url.openConnection() instanceof JarURLConnection connection)) {
                continue;
            }
            connection.setUseCaches(false);
            try (JarFile jar = connection.getJarFile()) {
                String entryName = connection.getEntryName();
                String folder = entryName.substring(0, entryName.lastIndexOf('/') + 1);
                for (JarEntry entry : Collections.list(jar.entries())) {
                    String name = entry.getName().substring(entry.getName().lastIndexOf('/') + 1);
                    boolean wanted = entry.getName().equals(folder + name)
                            && name.matches(".+\\.(so(\\.[\\d.]+)?|dll|([\\d.]+\\.)?dylib)")
                            && (!name.startsWith(bindingsBegin) || bindings.contains(name));
                    if (wanted && names.add(name)) {
                        members.add(new Member(
                                new URL(url, name),
                                entry.getName(),
                                folder(cache, jar, folder).resolve(name),
                                entry.getSize(),
                                entry.getTime(),
                                entry.getCrc()));
                    }
                }
            }
        }
        return members;
    }

    /** As JavaCPP's Loader.cacheResource does it. */
    private static Path folder(Path cache, JarFile jar, String folder) {
        String flat = System.getProperty(NO_SUBFOLDERS, "false").toLowerCase(Locale.ROOT);
        if (List.of("true", "t", "").contains(flat)) {
            return cache;
        }
        String name = jar.getName()
                .substring(
                        Math.max(jar.getName().lastIndexOf('/'), jar.getName().lastIndexOf('\\')) + 1);
        return cache.resolve(name).resolve(folder);
    }

    /**
     * @param whole whether nothing is to be unpacked any more
     * @return null where the file system has no locks, or where nothing is to be unpacked and another process that has the
     *     lock does not go on
     */
    private static @Nullable FileChannel lock(Path cache, BooleanSupplier whole) throws IOException {
        FileChannel channel =
                FileChannel.open(cache.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        long begin = System.nanoTime();
        long looked = begin - LOOK_NANOS;
        long wholeSince = 0; // 0: something is missing
        boolean remarked = false;
        try {
            while (true) {
                try {
                    FileLock lock = channel.tryLock(); // lock() would end at the caller's interruption
                    if (lock != null) {
                        return channel;
                    }
                } catch (OverlappingFileLockException e) {
                    // another class loader of this process has it
                }
                long now = System.nanoTime();
                if (now - looked > LOOK_NANOS) {
                    looked = now;
                    wholeSince = !whole.getAsBoolean() ? 0 : wholeSince == 0 ? now : wholeSince;
                }
                if (wholeSince != 0 && now - wholeSince > PATIENCE_NANOS) {
                    channel.close();
                    return null;
                }
                if (!remarked && now - begin > PATIENCE_NANOS) {
                    remarked = true;
                    log.warn(
                            "waiting for another process that unpacks or loads native libraries in {}; is it stopped?"
                                    + " Another folder can be chosen with -D{}",
                            cache,
                            NativeCache.PROPERTY);
                }
                Thread.sleep(LOCK_POLL_MILLIS);
            }
        } catch (InterruptedException e) {
            channel.close();
            Thread.currentThread().interrupt();
            throw new ClosedByInterruptException(); // whoever loads natives tries again
        } catch (IOException e) { // the file system has no locks
            channel.close();
            return null;
        }
    }

    /**
     * Throws away what nobody vouches for: what is half unpacked, and copies that JavaCPP makes under other names. The cache
     * itself, where libraries lie without folders of their own, may be a folder of other things too, which stay.
     */
    private static void sweep(Path cache, List<Member> members) throws IOException {
        Set<Path> whole = new HashSet<>();
        Set<Path> ours = new HashSet<>();
        Set<Path> folders = new HashSet<>();
        for (Member member : members) {
            folders.add(member.file().getParent());
            ours.add(member.file());
            ours.add(member.unfinished());
            if (member.isWhole()) {
                whole.add(member.file());
            }
        }
        for (Path folder : folders) {
            if (!Files.isDirectory(folder)) {
                continue;
            }
            try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
                for (Path file : files) {
                    boolean mayGo = ours.contains(file) || !folder.equals(cache);
                    if (mayGo && Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS) && !whole.contains(file)) {
                        delete(file);
                    }
                }
            }
        }
    }

    private static void delete(Path file) {
        try {
            Files.delete(file);
        } catch (IOException e) {
            // in use, which on some systems keeps it, and so is whole
        }
    }

    private static void unpack(Member member) throws IOException {
        Files.createDirectories(member.file().getParent());
        Path unfinished = member.unfinished();
        try {
            CRC32 crc = new CRC32();
            long size;
            var connection = member.jar().openConnection();
            connection.setUseCaches(false);
            try (InputStream in = new CheckedInputStream(connection.getInputStream(), crc);
                    OutputStream out = Files.newOutputStream(unfinished)) {
                size = in.transferTo(out);
            }
            if (size != member.size() || crc.getValue() != member.crc()) {
                throw new IOException(member.entry() + " is damaged in its jar " + member.jar());
            }
            try (FileChannel written = FileChannel.open(unfinished, StandardOpenOption.WRITE)) {
                written.force(true); // a name must not outlive its content in a crash of the machine
            }
            Files.setLastModifiedTime(unfinished, FileTime.fromMillis(member.time()));
            Files.move(unfinished, member.file(), StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(unfinished);
        }
    }

    /** The libraries of all that is on the class path. */
    /** Those that inference does with. */
    static List<NativeJars.Library> ofInference() {
        return Stream.of(List.of(NativeJars.JAVACPP), NativeJars.ONEDNN)
                .flatMap(List::stream)
                .toList();
    }

    static List<NativeJars.Library> all() {
        return Stream.of(List.of(NativeJars.JAVACPP), NativeJars.LIBTORCH, NativeJars.ONEDNN)
                .flatMap(List::stream)
                .toList();
    }
}
