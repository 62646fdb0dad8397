package dev.thinkingvit.inference;

import dev.thinkingvit.picture.Picture;
import dev.thinkingvit.picture.PictureDecoder;
import dev.thinkingvit.picture.PictureException;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * A picture to think about, as a program has it, with a name for the result and a say in how long to think. The same bytes
 * give the same result whichever way they come.
 *
 * <pre>{@code
 * classifier.classify(List.of(
 *         Request.of(Path.of("cat.jpg")),
 *         Request.of(bytes).named("upload 7"),
 *         Request.of(image).stoppingBy(StopPolicy.of(Routers.ENTROPY, 0.3))));
 * }</pre>
 *
 * <p>Nothing is read or decoded before the picture's turn comes; what cannot be is that call's failure. Immutable, and
 * good for any number of calls, but for a stream, which can be read once.
 */
public final class Request {
    private final Source source;
    private final @Nullable String name;
    private final @Nullable StopPolicy policy;

    /** How to come by the picture. */
    private interface Source {
        /** @param name what errors call it */
        Picture picture(String name) throws IOException;
    }

    private Request(Source source, @Nullable String name, @Nullable StopPolicy policy) {
        this.source = source;
        this.name = name;
        this.policy = policy;
    }

    /** A file; see {@link PictureDecoder} for which. Its path is its name. */
    public static Request of(Path file) {
        Objects.requireNonNull(file, "the picture's file is null");
        return new Request(name -> PictureDecoder.decode(file), file.toString(), null);
    }

    /**
     * A file's bytes.
     *
     * @param bytes not copied: nobody may change them before the result is there
     */
    public static Request of(byte[] bytes) {
        Objects.requireNonNull(bytes, "the picture's bytes are null");
        return new Request(name -> PictureDecoder.decode(bytes, name), null, null);
    }

    /**
     * A file's bytes from a stream, which is read to its end when the picture's turn comes and not closed: whoever opened
     * it closes it, after the result is there.
     */
    public static Request of(InputStream stream) {
        Objects.requireNonNull(stream, "the picture's stream is null");
        AtomicBoolean read = new AtomicBoolean();
        return new Request(
                name -> {
                    if (read.getAndSet(true)) {
                        throw new PictureException(name
                                + ": its stream has been read before; a request with a stream is good for one call");
                    }
                    return PictureDecoder.decode(stream, name);
                },
                null,
                null);
    }

    /**
     * An image of Java's, of any type; see {@link Picture#of(BufferedImage)}.
     *
     * @param image not copied: nobody may change it before the result is there
     */
    public static Request of(BufferedImage image) {
        Objects.requireNonNull(image, "the image is null: ImageIO.read gives that for what it cannot read");
        return new Request(
                name -> {
                    try {
                        return Picture.of(image);
                    } catch (IllegalArgumentException e) {
                        throw new PictureException(name + ": " + e.getMessage(), e);
                    }
                },
                null,
                null);
    }

    /** A picture that is decoded already, with options of {@link PictureDecoder.Options} perhaps. */
    public static Request of(Picture picture) {
        Objects.requireNonNull(picture, "the picture is null");
        return new Request(name -> picture, null, null);
    }

    /** The same picture under a name that results and errors call it by; else it is its place, such as "picture 3". */
    public Request named(String newName) {
        Objects.requireNonNull(newName, "the picture's name is null");
        return new Request(source, newName, policy);
    }

    /** The same picture with its own way to stop; else it is the classifier's. */
    public Request stoppingBy(StopPolicy newPolicy) {
        Objects.requireNonNull(newPolicy, "the picture's policy is null");
        return new Request(source, name, newPolicy);
    }

    /** The name it was given; null if none. */
    public @Nullable String name() {
        return name;
    }

    /** Its own way to stop; null for the classifier's. */
    public @Nullable StopPolicy policy() {
        return policy;
    }

    /** @throws PictureException if it cannot be read */
    Picture picture(String calledBy) throws IOException {
        return source.picture(calledBy);
    }
}
