package dev.thinkingvit.inference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.thinkingvit.checkpoint.Weights;
import dev.thinkingvit.files.JsonText;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.onnx.ExportedModel;
import dev.thinkingvit.picture.Picture;
import dev.thinkingvit.picture.PictureDecoder;
import dev.thinkingvit.picture.Preprocessing;
import dev.thinkingvit.store.Checkpoints;
import dev.thinkingvit.store.HubModel;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.store.ModelImport;
import dev.thinkingvit.store.Routing;
import dev.thinkingvit.tensor.ComputeListener;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What is null is named by our words at the door, in every method that people call first. */
@NullUnmarked // nulls are passed
class NullArgumentsTest {
    private static final Path MODEL = Path.of("src/test/resources/reference/vit-3h-6h");
    private static final Path NO_FILE = Path.of("target/no-such-file"); // what goes wrong must write nothing
    private static final ElasticClassifier CLASSIFIER = ElasticClassifier.open(MODEL);
    private static final float[] INPUT =
            new float[CLASSIFIER.config().preprocessing().floatsPerPicture()];

    @AfterAll
    static void close() {
        CLASSIFIER.close();
    }

    static Stream<Arguments> referenceParameters() {
        return Stream.of(
                        ElasticClassifier.class,
                        ElasticEngine.class,
                        Request.class,
                        StopPolicy.class,
                        PictureDecoder.class,
                        ElasticClassifierBuilder.class,
                        Routers.class,
                        Pooling.class,
                        Preprocessing.class,
                        Picture.class,
                        ModelDirectory.class,
                        ModelImport.class,
                        Checkpoints.class,
                        HubModel.class,
                        EmbeddingFile.class)
                .flatMap(type -> Stream.of(type.getDeclaredMethods()))
                .filter(method -> Modifier.isPublic(method.getModifiers())
                        && !method.isSynthetic()
                        && !method.getName().equals("equals"))
                .flatMap(method -> Stream.iterate(0, i -> i < method.getParameterCount(), i -> i + 1)
                        .filter(i -> !method.getParameterTypes()[i].isPrimitive()
                                && method.getParameterTypes()[i] != RandomGenerator.class // nothing is drawn from it
                                && !method.getAnnotatedParameterTypes()[i].isAnnotationPresent(Nullable.class))
                        .map(i -> Arguments.arguments(method, i)));
    }

    @ParameterizedTest
    @MethodSource("referenceParameters")
    void aNullArgumentIsNamed(Method method, int position) throws Exception {
        Type[] types = method.getGenericParameterTypes();
        Object[] arguments = Arrays.stream(types).map(NullArgumentsTest::sample).toArray();
        arguments[position] = null;
        Object receiver = Map.<Class<?>, Object>ofEntries(
                        Map.entry(ElasticClassifier.class, CLASSIFIER),
                        Map.entry(ElasticEngine.class, CLASSIFIER.engine()),
                        Map.entry(Request.class, Request.of(new byte[1])),
                        Map.entry(StopPolicy.class, StopPolicy.alwaysThink(Routers.ENTROPY)),
                        Map.entry(ElasticClassifierBuilder.class, ElasticClassifier.builder()),
                        Map.entry(Routers.class, Routers.ENTROPY),
                        Map.entry(Pooling.class, Pooling.TOKEN),
                        Map.entry(Preprocessing.class, Preprocessing.imagenet(32)),
                        Map.entry(Picture.class, picture()),
                        Map.entry(ModelConfig.class, CLASSIFIER.config()),
                        Map.entry(HubModel.class, new HubModel("owner/name", "main")),
                        Map.entry(EmbeddingFile.class, new EmbeddingFile(EmbeddingFormat.CSV, 1, 4, Map.of())))
                .get(method.getDeclaringClass());
        Throwable thrown = catchThrowable(() -> method.invoke(receiver, arguments));
        assertThat(thrown).isInstanceOf(InvocationTargetException.class);
        assertThat(thrown.getCause())
                .isInstanceOf(NullPointerException.class)
                .message()
                .matches("(?s).*(is|are) null.*")
                .doesNotContain("because", "Cannot");
    }

    @Test
    void aNullInAListIsNamedByItsPlace() {
        StopPolicy policy = CLASSIFIER.policy();
        assertThatThrownBy(() -> CLASSIFIER.classify(Arrays.asList(picture(), null), List.of("a", "b"), policy))
                .hasMessage("picture 2 of 2 is null");
        assertThatThrownBy(() -> CLASSIFIER.classify(INPUT, Arrays.asList((String) null), policy))
                .hasMessage("name 1 of 1 is null");
        assertThatThrownBy(() -> CLASSIFIER.engine().run(INPUT, Arrays.asList((StopPolicy) null)))
                .hasMessage("the policy is null");
        assertThatThrownBy(() -> new StopPolicy(Routers.ENTROPY, Arrays.asList(0.5, null)))
                .hasMessage("threshold 2 is null");
    }

    @Test
    void noInputsAreNoBatch() {
        StopPolicy policy = CLASSIFIER.policy();
        assertThatThrownBy(() -> CLASSIFIER.embed(new float[0], List.of(), policy, Pooling.TOKEN))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("a batch needs at least 1 image, got none");
        assertThat(CLASSIFIER.classify(List.of(), List.of(), policy)).isEmpty();
    }

    @Test
    void whatIsOutOfRangeIsSaidInWords() {
        Router lost = new Router() {
            @Override
            public String id() {
                return "lost";
            }

            @Override
            public double measure(float[] probabilities) {
                return Double.NaN;
            }

            @Override
            public boolean isSure(double measure, double threshold) {
                return measure <= threshold;
            }
        };
        assertThatThrownBy(() -> CLASSIFIER.engine().run(INPUT, 1, StopPolicy.alwaysThink(lost)))
                .isInstanceOf(ArithmeticException.class)
                .hasMessage("the router lost measured NaN after stage 1, a number is required");
        assertThatThrownBy(() -> CLASSIFIER.engine().cumulativeGmacs(3))
                .hasMessage("stage 3 does not exist: the model has stages 1 to 2");
        int classes = CLASSIFIER.config().network().numClasses();
        assertThatThrownBy(() -> CLASSIFIER.config().label(classes))
                .isInstanceOf(IndexOutOfBoundsException.class)
                .hasMessageContaining("class " + classes + " does not exist");
        Outcome outcome = CLASSIFIER.engine().run(INPUT, 1, CLASSIFIER.policy()).get(0);
        assertThatThrownBy(() -> outcome.top(-1)).hasMessageContaining("must not be negative, got -1");
        assertThatThrownBy(() -> ElasticClassifier.open(Path.of(""))).hasMessageStartingWith("the current folder, ");
    }

    private static Picture picture() {
        return Picture.of(new BufferedImage(64, 64, BufferedImage.TYPE_INT_RGB));
    }

    private static Object sample(Type type) {
        if (type instanceof ParameterizedType generic) {
            if (generic.getRawType() == Stream.class) {
                return Stream.empty();
            }
            if (generic.getRawType() == Consumer.class) {
                return (Consumer<Object>) ignored -> {};
            }
            if (generic.getRawType() == Map.class) {
                return Map.of();
            }
            Type element = generic.getActualTypeArguments()[0];
            return element == Double.class ? List.of(0.5) : Collections.nCopies(1, sample(element));
        }
        Map<Type, Object> samples = Map.ofEntries(
                Map.entry(Path.class, NO_FILE),
                Map.entry(byte[].class, new byte[1]),
                Map.entry(float[].class, INPUT),
                Map.entry(double[].class, new double[] {0.5}),
                Map.entry(int.class, 1),
                Map.entry(double.class, 0.5),
                Map.entry(String.class, "name"),
                Map.entry(InputStream.class, new ByteArrayInputStream(new byte[1])),
                Map.entry(BufferedImage.class, new BufferedImage(64, 64, BufferedImage.TYPE_INT_RGB)),
                Map.entry(Picture.class, picture()),
                Map.entry(Request.class, Request.of(new byte[1])),
                Map.entry(Router.class, Routers.ENTROPY),
                Map.entry(StopPolicy.class, CLASSIFIER.policy()),
                Map.entry(Pooling.class, Pooling.TOKEN),
                Map.entry(Precision.class, Precision.FP32),
                Map.entry(ModelConfig.class, CLASSIFIER.config()),
                Map.entry(ThinkingViTConfig.class, ThinkingViTConfig.imagenet(3, 6)),
                Map.entry(Preprocessing.class, Preprocessing.imagenet(32)),
                Map.entry(ComputeListener.class, ComputeListener.NONE),
                Map.entry(EmbeddingFormat.class, EmbeddingFormat.CSV),
                Map.entry(EmbeddingFile.Source.class, (EmbeddingFile.Source) sink -> {}),
                Map.entry(Routing.class, new Routing("entropy_top10", List.of(), null)),
                Map.entry(Weights.class, Weights.AUTO),
                Map.entry(JsonText.class, JsonText.EMPTY),
                Map.entry(RandomGenerator.class, new Random(1)),
                Map.entry(PictureDecoder.Options.class, PictureDecoder.Options.DEFAULT),
                Map.entry(ModelDirectory.Model.class, ModelDirectory.read(MODEL)),
                Map.entry(
                        ExportedModel.class,
                        new ExportedModel(MODEL, CLASSIFIER.config(), Precision.FP32, List.of(), null)));
        return samples.get(type);
    }
}
