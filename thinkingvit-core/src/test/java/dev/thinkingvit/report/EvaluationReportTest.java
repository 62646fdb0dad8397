package dev.thinkingvit.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.eval.MadeUp;
import dev.thinkingvit.eval.Recorder;
import dev.thinkingvit.eval.Recording;
import dev.thinkingvit.eval.SweepRow;
import dev.thinkingvit.eval.ThresholdSweep;
import dev.thinkingvit.eval.Thresholds;
import dev.thinkingvit.eval.Transitions;
import dev.thinkingvit.inference.ElasticEngine;
import dev.thinkingvit.inference.Routers;
import dev.thinkingvit.model.AdaptiveViT;
import dev.thinkingvit.model.PackedBackbone;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.model.Specimen;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.picture.Preprocessing;
import dev.thinkingvit.store.ModelConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@NullUnmarked // a null fails the test
class EvaluationReportTest {
    private static final ModelConfig CONFIG = ModelConfig.of(MadeUp.NETWORK)
            .withPreprocessing(Preprocessing.imagenet(16, 1.0))
            .withLabels(List.of("<script>alert(1)</script>", "b & c", "c", "d", "e", "f"));
    private static final EvaluationReport.About ABOUT =
            new EvaluationReport.About("my \"model\"", "<data>", "fp32", "2026-01-02", "1.0");

    @Test
    void aPageHoldsEverySectionAndEscapesNames(@TempDir Path folder) throws IOException {
        Recording recording;
        try (ElasticEngine engine = MadeUp.engine()) {
            recording = Recorder.record(
                    engine,
                    CONFIG.preprocessing(),
                    MadeUp.pictures(folder, 2),
                    Recorder.Options.of(Routers.ENTROPY),
                    done -> {});
        }
        List<SweepRow> rows = new ThresholdSweep(recording).at(Thresholds.parse("0,0.5,2"));

        Path page = new EvaluationReport(ABOUT, CONFIG, recording, rows, List.of(0.5)).write(folder.resolve("report"));

        String html = Files.readString(page);
        assertThat(html)
                .contains("id=\"accuracy-gmacs\"", "id=\"accuracy-throughput\"", "id=\"load\"", "id=\"entropy\"")
                .contains("id=\"transitions\"", "id=\"sweep\"", "id=\"easiest\"", "id=\"hardest\"")
                .contains("Throughput was not measured", "<tr class=\"own\"><td>0.5</td>", "data:image/png;base64,")
                .contains("&lt;script&gt;alert(1)&lt;/script&gt;", "b &amp; c", "my &quot;model&quot;", "&lt;data&gt;")
                .doesNotContain("<script", "<data>", "{{", "}}", "https://", "id=\"skipped\"", "id=\"token-depth\"");
        assertThat(html.split("<svg", -1)).hasSize(4);
        assertThat(page.resolveSibling("sweep.csv"))
                .content()
                .startsWith("threshold,top1,top5,gmacs,stage1_images,")
                .hasLineCount(4);
    }

    @Test
    void tokensThatHaltHaveASectionWithTheMostAndTheLeastUneven(@TempDir Path folder) throws IOException {
        AdaptiveViT network =
                new AdaptiveViT(new ThinkingViTConfig(16, 4, 32, 3, 4, List.of(2, 4), 6, 1e-6), 6, 1, 0.01);
        ModelConfig config = ModelConfig.of(network)
                .withPreprocessing(Preprocessing.imagenet(16, 1.0))
                .withLabels(List.of("a", "b", "c", "d", "e", "f"));
        Recording recording;
        try (ElasticEngine engine = new ElasticEngine(
                PackedBackbone.of(network, new Specimen("halting", network).weights(), Precision.FP32))) {
            recording = Recorder.record(
                    engine,
                    config.preprocessing(),
                    MadeUp.pictures(folder, 5),
                    Recorder.Options.of(Routers.ENTROPY),
                    done -> {});
        }
        assertThat(recording.tokenDepths()).isNotNull();
        assertThat(recording.tokenDepths().mostUneven().get(0).depths()).hasSize(16);
        List<SweepRow> rows = new ThresholdSweep(recording).at(Thresholds.parse("0.5"));

        String html = new EvaluationReport(ABOUT, config, recording, rows, List.of(0.5)).html();

        assertThat(html)
                .contains("id=\"token-depth\"", "id=\"most-uneven\"", "id=\"least-uneven\"", "of 3 blocks")
                .doesNotContain("{{");
        assertThat(html.split("class=\"heat\"", -1)).hasSize(1 + 24 + 24);
    }

    @Test
    void measuredThroughputIsDrawn() {
        Recording recording = MadeUp.recording(Routers.MARGIN, 50, 2, 3);
        List<SweepRow> rows = new ThresholdSweep(recording)
                .at(Thresholds.parse("0,1")).stream()
                        .map(row -> row.withImagesPerSecond(100 * row.gmacs()))
                        .toList();

        String html = new EvaluationReport(ABOUT, CONFIG, recording, rows, List.of()).html();

        assertThat(html)
                .doesNotContain("not measured")
                .contains("images a second")
                .contains("<td class=\"first\">500</td>");
    }

    @Test
    void aModelOfOneStageHasAPageToo() {
        Recording recording = MadeUp.recording(Routers.ENTROPY, 5, 1, 3);
        List<SweepRow> rows = new ThresholdSweep(recording).at(List.of(List.of(0.5)));

        assertThat(new EvaluationReport(ABOUT, CONFIG, recording, rows, List.of()).html())
                .contains("has a single stage")
                .contains("How much this " + CONFIG.network().title() + " has to think");
    }

    @Test
    void transitionsCountEveryImageOnce() {
        Recording recording = MadeUp.recording(Routers.ENTROPY, 200, 3, 3);

        assertThat(Transitions.of(recording)).hasSize(2).allMatch(counts -> counts.images() == 200);
        Transitions first = Transitions.of(recording).get(0);
        assertThat(first.stayRight() + first.spoiled())
                .isEqualTo(
                        new ThresholdSweep(recording).always(1).stages().get(0).right());
    }

    @Test
    void aGapWithoutAValueIsAnError() {
        assertThatThrownBy(() -> new HtmlTemplate("{{name}}").render(Map.of())).hasMessageContaining("'name'");
        assertThat(new HtmlTemplate("{{#list}}{{a}}{{b}},{{/list}}{{^list}}none{{/list}}")
                        .render(Map.of("b", "<", "list", List.of(Map.of("a", 1), Map.of("a", 2)))))
                .isEqualTo("1&lt;,2&lt;,");
    }
}
