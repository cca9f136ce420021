package io.github.steelyard.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.steelyard.catalogue.Choice;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.demo.DemoFiles;
import io.github.steelyard.evaluation.EvaluationJob;
import io.github.steelyard.evaluation.EvaluationRequest;
import io.github.steelyard.evaluation.EvaluationResult;
import io.github.steelyard.family.Families;
import io.github.steelyard.files.Finding;
import io.github.steelyard.model.EngineListener;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.work.ExpertBackend;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Jobs as a program calls them, on the embedded checkpoint.
final class JobsTest {

    /// Code of what is said of rules for modules that this model does not have.
    private static final String UNUSED = "rule.excludes_nothing";
    private static final String ROUNDED = "weight.rounded_again"; // FP8 to NVFP4

    @TempDir
    private Path temp;

    private DemoFiles demo;

    @BeforeEach
    void unpack() {
        demo = DemoFiles.unpack(temp.resolve("demo"));
    }

    @Test
    void calibrateAndExport_listener_hearsPassesAndEveryByte() {
        Heard heard = new Heard();

        CalibrationResult calibrated = CalibrationJob.run(calibration(), heard);
        ExportResult exported = ExportJob.run(ExportRequest.of(demo.run(), demo.export()), heard);

        assertThat(calibrated.passed()).isTrue();
        assertThat(heard.said)
                .containsExactly(
                        "finding " + UNUSED,
                        "finding " + ROUNDED,
                        "detail",
                        "pass calibrate " + calibrated.tokens(),
                        "finding " + UNUSED,
                        "finding " + ROUNDED,
                        "writing export",
                        "written",
                        "finding encoded-again");
        assertThat(heard.bytes.get()).isGreaterThanOrEqualTo(exported.bytes());
    }

    @Test
    void calibrate_again_saysThatItWasComplete() {
        CalibrationResult first = CalibrationJob.run(calibration(), JobListener.NONE);
        Heard heard = new Heard();

        CalibrationResult second = CalibrationJob.run(calibration(), heard);

        assertThat(first.status()).isEqualTo("complete");
        assertThat(second.status()).isEqualTo("already complete");
        assertThat(second.tokens()).isEqualTo(first.tokens());
        assertThat(heard.said).containsExactly("finding " + UNUSED, "finding " + ROUNDED, "detail");
    }

    @Test
    void calibrate_backendThatHidesTheW2Input_isRefusedByWhoAsked() {
        CalibrationRequest.Choices fused = new CalibrationRequest.Choices(
                List.of(demo.text()),
                Optional.empty(),
                OptionalInt.empty(),
                OptionalInt.empty(),
                Optional.of(new Choice("fused", "a test")),
                Optional.empty(),
                false,
                List.of(),
                Optional.empty());

        assertThatThrownBy(() -> CalibrationJob.run(calibration().with(fused), JobListener.NONE))
                .isInstanceOf(RequestException.class)
                .hasMessageContaining("'FUSED' does not support")
                .hasMessageContaining("[requested by a test]");
    }

    @Test
    void experts_shownOrNot_areThoseOfTheOneSelection() {
        try (Checkpoint checkpoint = Checkpoint.open(demo.checkpoint())) {
            var decoder = Families.of(checkpoint);

            assertThat(ForwardPass.experts(checkpoint, decoder, Optional.empty(), true))
                    .isEqualTo(ExpertBackend.DECOMPOSED);
            assertThat(ForwardPass.experts(checkpoint, decoder, Optional.empty(), false))
                    .isEqualTo(ExpertBackend.FUSED);
        }
    }

    @Test
    void evaluate_asStoredAndAsExported_quantiseTheirSites() {
        CalibrationJob.run(calibration(), JobListener.NONE);
        EvaluationRequest plain = EvaluationRequest.of(demo.checkpoint(), demo.heldOut());
        Heard heard = new Heard();

        EvaluationResult unquantised = EvaluationJob.run(plain, heard);
        EvaluationResult planned = EvaluationJob.run(
                plain.with(new EvaluationRequest.AsExported(FinishedRun.at(demo.run()))), JobListener.NONE);

        assertThat(heard.said).containsExactly("pass evaluate " + unquantised.tokens());
        assertThat(unquantised.fakeQuantisedSites()).isZero();
        assertThat(planned.fakeQuantisedSites()).isPositive();
        assertThat(planned.perplexity()).isNotEqualTo(unquantised.perplexity());
    }

    @Test
    void recipe_allAtOnce_givesTheSameSoundExportAsStepByStep() {
        CalibrationJob.run(calibration(), JobListener.NONE);
        ExportResult alone = ExportJob.run(ExportRequest.of(demo.run(), demo.export()), JobListener.NONE);
        RecipeRequest request = new RecipeRequest(
                demo.checkpoint(),
                Recipe.read(demo.recipe()),
                temp.resolve("out"),
                Optional.empty(),
                CalibrationRequest.Choices.NONE.withData(demo.text()),
                Compute.ofMachine());

        RecipeResult both = RecipeJob.run(request, JobListener.NONE);

        assertThat(request.export().resolve("model.safetensors"))
                .hasSameBinaryContentAs(demo.export().resolve("model.safetensors"));
        assertThat(both.export())
                .hasValueSatisfying(export -> assertThat(export.modules()).isEqualTo(alone.modules()));
        assertThat(VerificationJob.run(VerificationRequest.of(request.export())).ok())
                .isTrue();
    }

    @Test
    void plan_probe_countsRoutedTokens() {
        Heard heard = new Heard();
        PlanRequest request = new PlanRequest(
                demo.checkpoint(),
                Optional.of(Recipe.read(demo.recipe())),
                new PlanRequest.Given(List.of(demo.text()), OptionalInt.of(2)),
                Optional.empty(),
                OptionalDouble.of(0),
                Compute.ofMachine());

        assertThat(PlanJob.run(request, heard).passed()).isTrue();
        assertThat(heard.said).first().asString().startsWith("pass probe ");
    }

    @Test
    void compute_unknownNames_areRefusedByTheirOptions() {
        Compute named = new Compute(1, "no-such", "no-such", OptionalLong.empty());

        assertThatThrownBy(named::product).isInstanceOf(RequestException.class).hasMessageStartingWith("--gemm: ");
        assertThatThrownBy(named::arithmetic)
                .isInstanceOf(RequestException.class)
                .hasMessage("--kernels 'no-such': expected auto or reference");
        assertThatThrownBy(() -> Compute.ofMachine().withThreads(0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("threads must be 1 to 1024, found 0");
    }

    @Test
    void calibrate_tooLittleMemory_saysHowMuchWouldDo() {
        Compute little = new Compute(1, "auto", "auto", OptionalLong.of(1 << 20));

        assertThatThrownBy(() -> CalibrationJob.run(calibration().with(little), JobListener.NONE))
                .isInstanceOf(ResourceException.class)
                .hasMessageMatching("not enough memory: this needs at least --memory \\d+M, given are 1M");
    }

    private CalibrationRequest calibration() {
        return CalibrationRequest.of(demo.checkpoint(), Recipe.read(demo.recipe()), demo.run())
                .withData(demo.text());
    }

    /// Keeps what a job says, in its order.
    private static final class Heard implements JobListener {

        private final List<String> said = new ArrayList<>();
        private final AtomicLong bytes = new AtomicLong();

        @Override
        public void note(String line) {
            said.add("note " + line);
        }

        @Override
        public void detail(String line) {
            said.add("detail");
        }

        @Override
        public void finding(Finding finding) {
            said.add("finding " + finding.code());
        }

        @Override
        public EngineListener passBegins(String task, long tokens) {
            said.add("pass " + task + " " + tokens);
            return EngineListener.NONE;
        }

        @Override
        public LongConsumer writingBegins(String task) {
            said.add("writing " + task);
            return bytes::addAndGet;
        }

        @Override
        public void writingEnds() {
            said.add("written");
        }
    }
}
