package dev.thinkingvit.inference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.thinkingvit.picture.PictureDecoder;
import dev.thinkingvit.picture.PictureException;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

@NullUnmarked // a null fails the test
class RequestTest {
    private static final Path PICTURES = Path.of("src/test/resources/reference/preprocess/images");
    private static final Path PHOTO = PICTURES.resolve("picture0.jpg");
    private static final Path EXACT = PICTURES.resolve("exact.bmp");

    private final ElasticClassifier classifier =
            ElasticClassifier.open(Path.of("src/test/resources/reference/vit-3h-6h"));

    @AfterEach
    void close() {
        classifier.close();
    }

    @Test
    void thePictureIsTheSameHoweverItComes() throws IOException {
        byte[] bytes = Files.readAllBytes(EXACT);
        Classification expected = classifier.classify(EXACT);
        List<Classification> others = List.of(
                classifier.classify(bytes),
                classifier.classify(new ByteArrayInputStream(bytes)),
                classifier.classify(ImageIO.read(EXACT.toFile())),
                classifier.classify(Request.of(EXACT)),
                classifier.classify(Request.of(PictureDecoder.decode(EXACT))));
        for (Classification other : others) {
            assertThat(other.labels()).isEqualTo(expected.labels());
            assertSame(other.outcome(), expected.outcome());
        }
    }

    @Test
    void aMixedBatchIsTheSameBatchAsOneOfFiles() throws IOException {
        List<Classification> files = classifier.classify(
                List.of(Request.of(PHOTO), Request.of(EXACT), Request.of(PICTURES.resolve("webp.webp"))));
        try (InputStream stream = Files.newInputStream(PICTURES.resolve("webp.webp"))) {
            List<Classification> mixed = classifier.classify(List.of(
                    Request.of(Files.readAllBytes(PHOTO)).named("upload"),
                    Request.of(ImageIO.read(EXACT.toFile())),
                    Request.of(stream)));
            assertThat(mixed).extracting(Classification::source).containsExactly("upload", "picture 2", "picture 3");
            for (int i = 0; i < 3; i++) {
                assertThat(mixed.get(i).labels()).isEqualTo(files.get(i).labels());
                assertSame(mixed.get(i).outcome(), files.get(i).outcome());
            }
        }
        assertThat(files.get(0).source()).isEqualTo(PHOTO.toString());
    }

    @Test
    void eachPictureStopsByItsOwnPolicy() throws IOException {
        StopPolicy atOnce = StopPolicy.of(Routers.ENTROPY, 100);
        StopPolicy never = StopPolicy.alwaysThink(Routers.MARGIN);
        Request photo = Request.of(PHOTO);
        List<Classification> seen = classifier.classify(List.of(
                photo.stoppingBy(atOnce),
                photo.stoppingBy(never),
                photo,
                photo.stoppingBy(atOnce),
                photo.stoppingBy(never)));
        int own = classifier.classify(PHOTO).stage();
        assertThat(seen).extracting(Classification::stage).containsExactly(1, 2, own, 1, 2);
        assertThat(seen.get(1).outcome().decisive().measure())
                .isEqualTo(
                        Routers.MARGIN.measure(seen.get(1).outcome().decisive().probabilities()));
        assertThat(seen.get(0).gmacs()).isLessThan(seen.get(1).gmacs());
    }

    @Test
    void aCallThatIsInterruptedWhileItReadsIsGivenUpAndNoPictureIsBlamed() throws IOException {
        AtomicInteger read = new AtomicInteger();
        InputStream interrupted = new FilterInputStream(InputStream.nullInputStream()) {
            @Override
            public int read(byte[] target, int offset, int count) throws IOException {
                Thread.currentThread().interrupt(); // as another thread does meanwhile
                throw new ClosedByInterruptException();
            }
        };
        InputStream next = new FilterInputStream(InputStream.nullInputStream()) {
            @Override
            public int read(byte[] target, int offset, int count) {
                return read.getAndIncrement();
            }
        };
        List<Request> requests = List.of(Request.of(EXACT), Request.of(interrupted), Request.of(next));
        List<ThrowingCallable> calls = List.of(
                () -> classifier.classify(requests),
                () -> classifier.classify(requests), // which is interrupted before it begins
                () -> classifier.embed(requests, Pooling.TOKEN),
                () -> classifier
                        .classify(requests.stream(), 2, e -> read.set(-1))
                        .toList(),
                () -> classifier.classify(List.of(PictureDecoder.decode(EXACT)), List.of("a"), classifier.policy()));
        try (interrupted;
                next) {
            for (ThrowingCallable call : calls) {
                assertThatThrownBy(call).isInstanceOf(CancellationException.class);
            }
            assertThat(Thread.currentThread().isInterrupted()).isTrue();
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
        assertThat(read).hasValue(0);
        assertThat(classifier.classify(EXACT).stage()).isPositive();
    }

    @Test
    void brokenPicturesAreNamedAndTheOthersResultsAreKept() throws IOException {
        InputStream breaks = new FilterInputStream(Files.newInputStream(PHOTO)) {
            @Override
            public int read(byte[] target, int offset, int count) throws IOException {
                throw new IOException("Connection reset");
            }
        };
        byte[] photo = Files.readAllBytes(PHOTO);
        try (breaks) {
            List<Request> requests = List.of(
                    Request.of(PHOTO),
                    Request.of(Path.of("missing.jpg")),
                    Request.of(new byte[0]),
                    Request.of(breaks).named("upload"),
                    Request.of(Arrays.copyOf(photo, photo.length / 2)),
                    Request.of(EXACT));
            BrokenPicturesException e =
                    catchThrowableOfType(BrokenPicturesException.class, () -> classifier.classify(requests));
            assertThat(e)
                    .hasMessage("4 of 6 pictures cannot be read: missing.jpg: no such file or folder;"
                            + " failures() has the others");
            assertThat(e.failures()).containsOnlyKeys(1, 2, 3, 4);
            assertThat(e.failures().get(2))
                    .hasMessageStartingWith("picture 3: ")
                    .hasMessageContaining("empty");
            assertThat(e.failures().get(3)).hasMessage("upload: its stream cannot be read: connection reset");
            assertThat(e.failures().get(4)).hasMessageStartingWith("picture 5: not a readable JPEG picture");
            List<Classification> whole = classifier.classify(List.of(Request.of(PHOTO), Request.of(EXACT)));
            assertThat(e.classifications()).containsOnlyKeys(0, 5);
            assertSame(e.classifications().get(0).outcome(), whole.get(0).outcome());
            assertSame(e.classifications().get(5).outcome(), whole.get(1).outcome());
        }
    }

    /** An image of somebody's own class, whose pixels are elsewhere. */
    private static final class Remote extends BufferedImage {
        private final Throwable trouble;

        Remote(Throwable trouble) {
            super(8, 8, BufferedImage.TYPE_INT_RGB);
            this.trouble = trouble;
        }

        private static <T extends Throwable> void fail(Throwable trouble) throws T {
            @SuppressWarnings("unchecked") // whatever it is
            T any = (T) trouble;
            throw any;
        }

        @Override
        public int getWidth() {
            if (trouble != null) {
                Remote.<RuntimeException>fail(trouble);
            }
            return super.getWidth();
        }
    }

    @Test
    void whateverGoesWrongWithOnePictureTheOthersGoOn() throws IOException {
        BufferedImage thread = new BufferedImage(1, 60_000, BufferedImage.TYPE_INT_RGB);
        List<Request> requests = List.of(
                Request.of(PHOTO),
                Request.of(new Remote(new IllegalStateException("the page is swapped out"))),
                Request.of(new Remote(new OutOfMemoryError("Java heap space"))),
                Request.of(new Remote(new StackOverflowError())),
                Request.of(thread).named("thread"),
                Request.of(EXACT));

        BrokenPicturesException e =
                catchThrowableOfType(BrokenPicturesException.class, () -> classifier.classify(requests));

        assertThat(e.failures().keySet()).contains(1, 2, 3);
        assertThat(e.failures().get(1)).hasMessage("picture 2: cannot be read: the page is swapped out");
        assertThat(e.failures().get(2)).hasMessage("picture 3: needs more memory than there is: Java heap space");
        assertThat(e.classifications().keySet()).contains(0, 5);
        assertThat(e.failures().size() + e.classifications().size()).isEqualTo(requests.size());
        assertThat(e.classifications().get(5).labels())
                .isEqualTo(classifier.classify(EXACT).labels());
    }

    @Test
    void aStreamThatAnotherRequestHasReadSaysSo() throws IOException {
        InputStream stream = new ByteArrayInputStream(Files.readAllBytes(EXACT));
        BrokenPicturesException e = catchThrowableOfType(
                BrokenPicturesException.class,
                () -> classifier.classify(
                        List.of(Request.of(stream), Request.of(stream).named("again"))));
        assertThat(e.failures().get(1))
                .message()
                .startsWith("again: ")
                .endsWith("it is empty, or has been read before, by another request perhaps");
        assertThat(e.classifications().keySet()).containsExactly(0);
    }

    @Test
    void oneBrokenPictureIsSaidPlainly() {
        assertThatThrownBy(() -> classifier.classify(new byte[] {1, 2, 3}))
                .isInstanceOf(PictureException.class)
                .hasMessageStartingWith("picture: a JPEG, PNG, GIF, BMP, WebP or TIFF picture is needed");
        assertThatThrownBy(() -> classifier.classify(Request.of(new byte[0]).named("upload 7")))
                .isInstanceOf(PictureException.class)
                .hasMessageStartingWith("upload 7: ");
    }

    @Test
    void aStreamIsReadOnceAndNotClosed() throws IOException {
        boolean[] closed = {false};
        InputStream stream = new FilterInputStream(new ByteArrayInputStream(Files.readAllBytes(PHOTO))) {
            @Override
            public void close() {
                closed[0] = true;
            }
        };
        Request request = Request.of(stream);
        assertThat(classifier.classify(request).labels())
                .isEqualTo(classifier.classify(PHOTO).labels());
        assertThat(closed[0]).isFalse();
        assertThatThrownBy(() -> classifier.classify(request)).hasMessageContaining("has been read before");
    }

    @Test
    void whatIsMissingOrDoesNotFitIsNamedBeforeAnythingIsRead() throws IOException {
        InputStream stream = new ByteArrayInputStream(Files.readAllBytes(PHOTO));
        StopPolicy three = StopPolicy.of(Routers.ENTROPY, 0.1, 0.2, 0.3);
        assertThatThrownBy(() -> classifier.classify(
                        List.of(Request.of(stream), Request.of(PHOTO).stoppingBy(three))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(PHOTO + ": a model of 2 stages takes 1 threshold, got 3");
        assertThatThrownBy(() -> classifier.classify(Arrays.asList(Request.of(stream), null)))
                .hasMessage("request 2 of 2 is null");
        assertThat(stream.available()).isEqualTo((int) Files.size(PHOTO));
        assertThatThrownBy(() -> classifier.classify((byte[]) null)).hasMessage("the picture's bytes are null");
        assertThatThrownBy(() -> classifier.classify((BufferedImage) null)).hasMessageStartingWith("the image is null");
        assertThatThrownBy(() -> classifier.classify((InputStream) null)).hasMessage("the picture's stream is null");
        assertThatThrownBy(() -> classifier.classify((Path) null)).hasMessage("the picture's file is null");
        assertThatThrownBy(() -> classifier.classify((Request) null)).hasMessage("the request is null");
        assertThatThrownBy(() -> Request.of(PHOTO).stoppingBy(null)).hasMessage("the picture's policy is null");
        assertThat(classifier.classify(List.of())).isEmpty();
    }

    @Test
    void moreThanABatchComesBackWholeAndInOrder() throws IOException {
        List<Request> requests = new ArrayList<>();
        for (int i = 0; i < 300; i++) {
            requests.add(Request.of(i == 260 ? new byte[0] : Files.readAllBytes(EXACT))
                    .named("n" + i));
        }
        BrokenPicturesException e =
                catchThrowableOfType(BrokenPicturesException.class, () -> classifier.classify(requests));
        assertThat(e.failures()).containsOnlyKeys(260);
        assertThat(e.classifications()).hasSize(299);
        e.classifications().forEach((i, seen) -> assertThat(seen.source()).isEqualTo("n" + i));
    }

    @Test
    void aStreamOfRequestsLeavesBrokenOnesOutAndTellsOfThem() throws IOException {
        List<PictureException> broken = new ArrayList<>();
        List<Classification> seen = classifier
                .classify(
                        Stream.of(Request.of(PHOTO), Request.of(new byte[0]), Request.of(Files.readAllBytes(EXACT))),
                        2,
                        broken::add)
                .toList();
        assertThat(seen).extracting(Classification::source).containsExactly(PHOTO.toString(), "picture 3");
        assertThat(broken).singleElement().satisfies(e -> assertThat(e).hasMessageStartingWith("picture 2: "));
    }

    private static void assertSame(Outcome seen, Outcome expected) {
        assertThat(seen.stages()).hasSameSizeAs(expected.stages());
        for (int i = 0; i < seen.stages().size(); i++) {
            assertThat(seen.stages().get(i).logits())
                    .isEqualTo(expected.stages().get(i).logits());
        }
        assertThat(seen.gmacs()).isEqualTo(expected.gmacs());
    }
}
