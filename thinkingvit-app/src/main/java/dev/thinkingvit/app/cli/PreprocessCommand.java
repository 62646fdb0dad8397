package dev.thinkingvit.app.cli;

import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.data.PictureFiles;
import dev.thinkingvit.files.AtomicFiles;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.picture.PictureDecoder;
import dev.thinkingvit.picture.Preprocessing;
import dev.thinkingvit.tensor.HostTensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.TypeConversionException;

/** Writes the pixels that a network sees. */
@Command(
        name = "preprocess",
        description = {
            "Write pictures as the network sees them before normalisation.",
            "The shorter side becomes size / crop-pct (bicubic), the centre is cut out; of a size that is no square, both"
                    + " sides are just covered. Each picture is a uint8 tensor (3, height, width) named NAME@SIZE, NAME"
                    + " being the file's name without its folder."
        },
        footer = {
            "",
            "Examples:",
            "  thinkingvit preprocess cat.jpg dog.png --size 224 --out pictures.safetensors",
            "  thinkingvit preprocess samples --size 32 --crop-pct 1 --out seen.safetensors",
            "  thinkingvit preprocess street.jpg --size 192x256 --out pictures.safetensors"
        })
final class PreprocessCommand extends BaseCommand {
    @Parameters(arity = "1..*", paramLabel = "FILES", description = "Pictures, or folders of pictures.")
    @SuppressWarnings("NullAway.Init")
    private List<Path> files;

    private static final int MAX_SIZE = 8192;

    @Option(
            names = "--size",
            required = true,
            paramLabel = "PX",
            converter = SizeConverter.class,
            description = "Side of the network's input, or its height and width: 192x256.")
    @SuppressWarnings("NullAway.Init")
    private ImageSize size;

    @Option(
            names = "--crop-pct",
            paramLabel = "P",
            description = "Share of the resized shorter side that is kept. Default: ${DEFAULT-VALUE}.")
    private double cropPct = Preprocessing.DEFAULT_CROP_PCT;

    @Option(names = "--out", required = true, paramLabel = "FILE", description = "The safetensors file to write.")
    @SuppressWarnings("NullAway.Init")
    private Path out;

    /** {@code 224} or {@code 192x256}. */
    static final class SizeConverter implements ITypeConverter<ImageSize> {
        @Override
        public ImageSize convert(String text) {
            try {
                return ImageSize.of(text);
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException(String.valueOf(e.getMessage()));
            }
        }
    }

    @Override
    public Integer call() throws IOException {
        Preprocessing preprocessing = preprocessing();
        Path folder = out.toAbsolutePath().getParent();
        if (folder == null || !Files.isDirectory(folder)) {
            throw new NoSuchFileException(String.valueOf(folder)); // before thousands of pictures are decoded
        }
        AtomicFiles.requireWritable(out);
        Map<String, Path> named = new LinkedHashMap<>();
        PictureFiles found = pictures(files);
        OutputFolder.refuseInput(out, found.pictures());
        for (Path file : found.pictures()) {
            Path other = named.put(String.valueOf(file.getFileName()), file);
            if (other != null) {
                throw new IOException(other + " and " + file
                        + " have the same name, by which their tensors are told apart: rename one");
            }
        }
        Map<String, HostTensor> tensors = new LinkedHashMap<>();
        for (Map.Entry<String, Path> picture : named.entrySet()) {
            byte[] levels = preprocessing.toChw(PictureDecoder.decode(picture.getValue()));
            tensors.put(picture.getKey() + "@" + size.plain(), HostTensor.of(levels, 3, size.height(), size.width()));
        }
        Safetensors.write(out, tensors, Map.of("size", size.plain(), "crop_pct", Double.toString(cropPct)));
        out().println("wrote " + tensors.size() + (tensors.size() == 1 ? " picture to " : " pictures to ") + out);
        return 0;
    }

    private Preprocessing preprocessing() {
        try {
            if (Math.max(size.height(), size.width()) > MAX_SIZE) {
                throw usage("--size must lie between 1 and " + MAX_SIZE + ", got " + size.plain());
            }
            return Preprocessing.imagenet(size, cropPct);
        } catch (IllegalArgumentException e) {
            throw usage(String.valueOf(e.getMessage()));
        }
    }
}
