package dev.thinkingvit.app.cli;

import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.data.PictureFiles;
import dev.thinkingvit.files.AtomicFiles;
import dev.thinkingvit.files.Printable;
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
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Writes the pixels that a network sees. */
@Command(
        name = "preprocess",
        description = {
            "Write pictures as the network sees them before normalisation.",
            "The shorter side becomes size / crop-pct (bicubic), the centre is cut out. Each picture is a uint8 tensor"
                    + " (3, S, S) named NAME@S, NAME being the file's name without its folder."
        },
        footer = {
            "",
            "Examples:",
            "  thinkingvit preprocess cat.jpg dog.png --size 224 --out pictures.safetensors",
            "  thinkingvit preprocess samples --size 32 --crop-pct 1 --out seen.safetensors"
        })
final class PreprocessCommand extends BaseCommand {
    @Parameters(arity = "1..*", paramLabel = "FILES", description = "Pictures, or folders of pictures.")
    @SuppressWarnings("NullAway.Init")
    private List<Path> files;

    private static final int MAX_SIZE = 8192;

    @Option(names = "--size", required = true, paramLabel = "PX", description = "Side of the network's input.")
    private int size;

    @Option(
            names = "--crop-pct",
            paramLabel = "P",
            description = "Share of the resized shorter side that is kept. Default: ${DEFAULT-VALUE}.")
    private double cropPct = Preprocessing.DEFAULT_CROP_PCT;

    @Option(names = "--out", required = true, paramLabel = "FILE", description = "The safetensors file to write.")
    @SuppressWarnings("NullAway.Init")
    private Path out;

    @Override
    public Integer call() throws IOException {
        Preprocessing preprocessing = preprocessing();
        Path folder = out.toAbsolutePath().getParent();
        if (folder == null || !Files.isDirectory(folder)) {
            throw new NoSuchFileException(String.valueOf(folder)); // before thousands of pictures are decoded
        }
        AtomicFiles.requireWritable(out);
        Map<String, Path> named = new LinkedHashMap<>();
        PictureFiles found = PictureFiles.find(files);
        OutputFolder.refuseInput(out, found.pictures());
        found.remarks().forEach(line -> err().println(Printable.of(line)));
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
            tensors.put(picture.getKey() + "@" + size, HostTensor.of(levels, 3, size, size));
        }
        Safetensors.write(out, tensors, Map.of("size", Integer.toString(size), "crop_pct", Double.toString(cropPct)));
        out().println("wrote " + tensors.size() + (tensors.size() == 1 ? " picture to " : " pictures to ") + out);
        return 0;
    }

    private Preprocessing preprocessing() {
        try {
            if (size > MAX_SIZE) {
                throw usage("--size must lie between 1 and " + MAX_SIZE + ", got " + size);
            }
            return Preprocessing.imagenet(size, cropPct);
        } catch (IllegalArgumentException e) {
            throw usage(String.valueOf(e.getMessage()));
        }
    }
}
