package dev.thinkingvit.benchmarks;

import dev.thinkingvit.data.PictureFiles;
import dev.thinkingvit.data.Sample;
import dev.thinkingvit.picture.PictureDecoder;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.stream.ImageOutputStream;
import org.jspecify.annotations.Nullable;

/**
 * Photographs in files: those of a folder, or drawn ones, which are deleted when this is closed.
 *
 * @param origin where they are from, for the report
 * @param files at least one
 * @param drawnInto the folder to delete; null for somebody else's
 */
record Photographs(
        String origin, List<Path> files, @Nullable Path drawnInto) implements AutoCloseable {
    /** As many as keep a decoder from learning them by heart. */
    private static final int DRAWN = 64;

    // What ImageNet's are on average: 500 x 375, and 110 KB.
    private static final int WIDTH = 500;
    private static final int HEIGHT = 375;
    private static final float QUALITY = 0.95f;

    private static final int OCTAVES = 8;
    private static final double CONTRAST = 110;

    Photographs {
        files = List.copyOf(files);
    }

    /**
     * The pictures in a folder and below that can be decoded.
     *
     * @param skipped told of the others
     * @throws IOException if there is none
     */
    static Photographs in(Path folder, Consumer<String> skipped) throws IOException {
        List<Path> files = new ArrayList<>();
        for (Path file : PictureFiles.find(List.of(folder)).pictures()) {
            try {
                PictureDecoder.decode(file);
                files.add(file);
            } catch (IOException e) {
                skipped.accept("skipped: " + e.getMessage());
            }
        }
        if (files.isEmpty()) {
            throw new IOException(folder + ": none of its pictures can be read");
        }
        return new Photographs(folder.toString(), files, null);
    }

    /** Drawn ones, in a temporary folder. */
    static Photographs drawn() throws IOException {
        Path folder = Files.createTempDirectory("thinkingvit-photographs");
        List<Path> files = new ArrayList<>();
        for (int i = 0; i < DRAWN; i++) {
            files.add(Files.write(folder.resolve(i + ".jpg"), draw(i)));
        }
        return new Photographs("drawn, " + WIDTH + " x " + HEIGHT, files, folder);
    }

    /** So many samples: the files, over and over. */
    List<Sample> samples(int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> new Sample(files.get(i % files.size()), 0))
                .toList();
    }

    /**
     * A JPEG file of what costs a decoder as much as a photograph does: noise of all scales, the coarser the stronger,
     * in colours, with an edge here and there.
     */
    static byte[] draw(long seed) throws IOException {
        SplittableRandom random = new SplittableRandom(seed);
        BufferedImage drawn = new BufferedImage(WIDTH, HEIGHT, BufferedImage.TYPE_INT_RGB);
        double[][] channels = new double[3][];
        for (int c = 0; c < 3; c++) {
            channels[c] = noise(random);
        }
        double edge = 100 + random.nextInt(200);
        for (int y = 0; y < HEIGHT; y++) {
            for (int x = 0; x < WIDTH; x++) {
                double light = channels[0][y * WIDTH + x] + (x + 0.4 * y > edge ? 20 : -20);
                int red = level(light + 0.3 * channels[1][y * WIDTH + x]);
                int green = level(light);
                int blue = level(light + 0.3 * channels[2][y * WIDTH + x]);
                drawn.setRGB(x, y, red << 16 | green << 8 | blue);
            }
        }
        return jpeg(drawn);
    }

    private static int level(double light) {
        return (int) Math.max(0, Math.min(255, 128 + light));
    }

    /** Random values on ever finer grids, each with four fifths of the strength of the one before. */
    private static double[] noise(SplittableRandom random) {
        double[] sum = new double[WIDTH * HEIGHT];
        double strength = CONTRAST / 2;
        for (int octave = OCTAVES - 1; octave >= 0; octave--, strength *= 0.8) {
            int step = 1 << octave;
            int columns = WIDTH / step + 2;
            double[] grid = random.doubles((long) columns * (HEIGHT / step + 2), -strength, strength)
                    .toArray();
            for (int y = 0; y < HEIGHT; y++) {
                double down = (double) (y % step) / step;
                for (int x = 0; x < WIDTH; x++) {
                    double right = (double) (x % step) / step;
                    int at = y / step * columns + x / step;
                    double above = grid[at] + right * (grid[at + 1] - grid[at]);
                    double below = grid[at + columns] + right * (grid[at + columns + 1] - grid[at + columns]);
                    sum[y * WIDTH + x] += above + down * (below - above);
                }
            }
        }
        return sum;
    }

    private static byte[] jpeg(BufferedImage image) throws IOException {
        ImageWriter writer = ImageIO.getImageWritersByFormatName("jpeg").next();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ImageOutputStream out = ImageIO.createImageOutputStream(bytes)) {
            ImageWriteParam param = writer.getDefaultWriteParam();
            param.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
            param.setCompressionQuality(QUALITY);
            writer.setOutput(out);
            writer.write(null, new IIOImage(image, null, null), param);
        } finally {
            writer.dispose();
        }
        return bytes.toByteArray();
    }

    @Override
    public void close() throws IOException {
        if (drawnInto != null) {
            for (Path file : files) {
                Files.deleteIfExists(file);
            }
            Files.deleteIfExists(drawnInto);
        }
    }
}
