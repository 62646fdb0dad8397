package dev.thinkingvit.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.inference.ElasticClassifier;
import dev.thinkingvit.inference.Embedding;
import dev.thinkingvit.inference.Pooling;
import dev.thinkingvit.inference.Routers;
import dev.thinkingvit.inference.StopPolicy;
import dev.thinkingvit.model.Architecture;
import dev.thinkingvit.model.Architectures;
import dev.thinkingvit.model.PackedBackbone;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.model.SwinConfig;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.picture.PreprocessingChange;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.verify.Verification;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Architectures as a configuration names them: read, run, written, and refused. */
@NullUnmarked // a null fails the test
class ArchitecturesTest {
    private static final Path SWIN = Path.of("src/test/resources/reference/swin-uneven");

    @TempDir
    Path folder;

    @Test
    void aPublishedNameIsReadAsItsArchitecture() {
        ModelConfig config = ModelDirectory.read(SWIN).config();
        assertThat(config.network()).isInstanceOf(SwinConfig.class);
        assertThat(config.network().shorthand()).isEqualTo("(1,4,2,8) → (2,6,5,12)");
        assertThat(config.network().numFeatures()).isEqualTo(72);
    }

    @Test
    void itsRecordingAgrees() {
        ModelDirectory.Model model = ModelDirectory.read(SWIN);
        try (PackedBackbone backbone = PackedBackbone.of(model.config().network(), model.weights(), Precision.FP32)) {
            Verification verification = Verification.of(backbone, SWIN.resolve("expected.safetensors"), 1e-4);
            assertThat(verification.lines()).hasSizeGreaterThan(10).allMatch(Verification.Line::ok);
        }
    }

    @Test
    void whatIsWrittenIsReadAsTheSameAndKeepsItsName() throws IOException {
        ModelDirectory.Model model = ModelDirectory.read(SWIN);
        ModelDirectory.write(folder, model.config(), model.weights());
        assertThat(folder.resolve(ModelDirectory.CONFIG)).content().contains("swin_small_patch4_window7_224");
        assertThat(ModelDirectory.read(folder).config().network())
                .isEqualTo(model.config().network());

        ModelDirectory.write(folder, ModelConfig.of(model.config().network()), model.weights());
        assertThat(folder.resolve(ModelDirectory.CONFIG)).content().contains("\"thinkingswin\"", "\"avg\"");
        assertThat(ModelDirectory.read(folder).config().network())
                .isEqualTo(model.config().network());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "\"build_token_projector\": true | \"build_token_projector\": false"
                        + " | model_args.build_token_projector must be true, got false",
                "\"window_size\": 3 | \"window_size\": [3, 3] | need a number for each level",
                "\"patch_size\": 4 | \"patch_sizes\": 4 | model_args.patch_sizes is not an argument of thinkingswin",
                "\"global_pool\": \"avg\" | \"global_pool\": \"token\" | global_pool must be avg, got \"token\"",
                "\"embed_dim\": 9 | \"embed_dim\": 18 | num_features must be 144, which is what model_args mean, got 72",
                "\"embed_dim\": 9 | \"embed_dim\": \"nine\" | embed_dim must be a whole number, got \"nine\"",
                "\"num_features\": 72 | \"num_features\": 9 | num_features must be 72, which is what"
                        + " model_args mean, got 9; one of the two is wrong",
                "swin_small_patch4_window7_224 | resnet50 | supported are thinkingvit, thinkingswin"
            })
    void whatAnArchitectureDoesNotKnowIsRefused(String before, String after, String words) throws IOException {
        String config = Files.readString(SWIN.resolve(ModelDirectory.CONFIG));
        assertThat(config).contains(before);
        Path file = Files.writeString(folder.resolve("config.json"), config.replace(before, after));
        assertThatThrownBy(() -> ModelDirectory.readConfig(file))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining(file.toString())
                .hasMessageContaining(words);
    }

    /** At 64 the last level's grid is 2 wide, at 128 larger than its windows of 3. */
    @Test
    void anotherSizeOfPicturesTakesTheBiasesAlongWhereWindowsChange() throws IOException {
        ModelDirectory.Model model = ModelDirectory.read(SWIN);
        ModelDirectory.Model large = model.with(size(128));
        String last = "layers.3.blocks.0.attn.relative_position_bias_table";
        assertThat(model.weights().get(last).shape()).containsExactly(9, 12);
        assertThat(large.weights().get(last).shape()).containsExactly(25, 12);
        assertThat(large.weights().get("layers.0.blocks.0.attn.relative_position_bias_table"))
                .isSameAs(model.weights().get("layers.0.blocks.0.attn.relative_position_bias_table"));
        assertThatThrownBy(() -> model.with(size(80))).hasMessageContaining("not a multiple of 32");
    }

    private static PreprocessingChange size(int pixels) {
        return new PreprocessingChange(ImageSize.square(pixels), null, null, null, null);
    }

    @Test
    void aSwinEmbedsByTheMeanThatItsClassifierReads() {
        Map<String, HostTensor> recorded =
                Safetensors.read(SWIN.resolve("expected.safetensors")).tensors();
        HostTensor tokens = recorded.get("stage1.tokens"); // (B, h, w, d)
        float[] values = tokens.toFloats();
        int width = (int) tokens.shape()[3];
        int count = (int) (tokens.shape()[1] * tokens.shape()[2]);
        int images = (int) tokens.shape()[0];
        List<String> names =
                IntStream.range(0, images).mapToObj(String::valueOf).toList();
        try (ElasticClassifier classifier = ElasticClassifier.open(SWIN)) {
            List<Embedding> embeddings = classifier.embed(
                    recorded.get("input").toFloats(), names, StopPolicy.endingAt(1, 2), classifier.pooling());
            for (int image = 0; image < images; image++) {
                for (int feature = 0; feature < width; feature++) {
                    float mean = 0;
                    for (int token = 0; token < count; token++) {
                        mean += values[(image * count + token) * width + feature] / count;
                    }
                    assertThat(embeddings.get(image).values()[feature]).isCloseTo(mean, within(1e-5f));
                }
            }
        }
    }

    @Test
    void whatIsThereForOneArchitectureSaysSo() {
        try (ElasticClassifier classifier = ElasticClassifier.open(SWIN)) {
            float[] input = new float[classifier.config().preprocessing().floatsPerPicture()];
            StopPolicy policy = StopPolicy.alwaysThink(Routers.ENTROPY);
            assertThatThrownBy(() -> classifier.embed(input, List.of("black"), policy, Pooling.TOKEN))
                    .hasMessageContaining("a thinkingswin has no class token");
            assertThat(classifier
                            .embed(input, List.of("black"), policy, Pooling.NONE)
                            .get(0)
                            .values())
                    .hasSize(4 * 72);
            assertThatThrownBy(() -> ThinkingViTConfig.of(classifier.config().network()))
                    .hasMessageContaining("thinkingvit alone, not for thinkingswin");
        }
    }

    @Test
    void anArchitectureOfAnotherJarIsFoundByItsName() {
        assertThat(Architectures.named("rezerovit").title()).isEqualTo("nested ReZero ViT");
    }

    @Test
    void aBrokenJarIsSaidToBeAndKeepsNobodyFromTheLibrarysOwn() throws IOException {
        Path services = Files.createDirectories(folder.resolve("META-INF/services"));
        Files.writeString(services.resolve(Architecture.class.getName()), "com.example.Gone\n");
        Thread thread = Thread.currentThread();
        ClassLoader before = thread.getContextClassLoader();
        try (URLClassLoader broken =
                new URLClassLoader(new URL[] {folder.toUri().toURL()}, before)) {
            thread.setContextClassLoader(broken);
            assertThat(Architectures.named("swin_tiny_patch4_window7_224").name())
                    .isEqualTo("thinkingswin");
            assertThatThrownBy(() -> Architectures.named("resnet50"))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("an architecture of another jar cannot be loaded")
                    .hasMessageContaining("com.example.Gone");
        } finally {
            thread.setContextClassLoader(before);
        }
    }
}
