package io.github.steelyard.audit;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.SafetensorsWriter;
import io.github.steelyard.checkpoint.SafetensorsWriter.Planned;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.demo.DemoFiles;
import io.github.steelyard.demo.DemoJob;
import io.github.steelyard.files.Finding;
import io.github.steelyard.job.Compute;
import io.github.steelyard.job.JobListener;
import io.github.steelyard.tensor.Shape;
import io.github.steelyard.testing.Shared;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Whatever is expected of a directory, the same faults are seen in it: on checkpoints that others damaged, on exports
/// of peers, and on an export of the embedded checkpoint that is broken in one place at a time.
final class AgreementTest {

    private static final String DOWN = "model.layers.0.mlp.experts.3.down_proj";
    private static final String UP = "model.layers.0.mlp.experts.3.up_proj";

    @TempDir
    private static Path demo;

    @TempDir
    private Path temp;

    @BeforeAll
    static void export() {
        DemoJob.run(demo.resolve("demo"), Compute.ofMachine(), JobListener.NONE);
    }

    static Stream<String> directories() throws IOException {
        if (!Shared.isPresent()) {
            return Stream.of("absent");
        }
        List<String> found = new ArrayList<>();
        Path malformed = Shared.path("conformance/malformed");
        try (Stream<Path> cases = Files.list(malformed);
                Stream<Path> golden = Files.walk(Shared.path("conformance/golden"))) {
            cases.filter(Files::isDirectory).forEach(each -> found.add("conformance/malformed/" + each.getFileName()));
            Path root = Shared.path("conformance").getParent();
            golden.filter(file -> file.endsWith("config.json"))
                    .forEach(file -> found.add(root.relativize(file.getParent()).toString()));
        }
        return found.stream().sorted();
    }

    @ParameterizedTest
    @MethodSource("directories")
    void reference_isSeenAlike_whateverIsExpected(String directory) {
        Set<String> servable = codes(Shared.path(directory), Expectation.servable());
        servable.remove(FindingCode.NOTHING_QUANTISED.text()); // a question that only an export is asked

        assertThat(codes(Shared.path(directory), Expectation.anyCheckpoint())).isEqualTo(servable);
    }

    /// One fault of an export.
    ///
    /// @param code what it is found as
    /// @param tensor what is changed
    record Fault(String code, String tensor, UnaryOperator<Tensor> change) {
        @Override
        public String toString() {
            return code + " " + tensor;
        }
    }

    static Stream<Fault> faults() {
        return Stream.of(
                new Fault("scale-invalid", DOWN + ".input_scale", tensor -> tensor.with(Float.NaN)),
                new Fault("scale-invalid", DOWN + ".weight_scale_2", tensor -> tensor.with(0f)),
                new Fault("scale-invalid", DOWN + ".weight_scale", tensor -> tensor.filled(0x7f)),
                new Fault("scale-implausible", DOWN + ".input_scale", tensor -> tensor.with(1e-42f)),
                new Fault("scale-default", DOWN + ".input_scale", tensor -> tensor.with(1f)),
                new Fault("scale-missing", DOWN + ".weight_scale", Tensor::dropped),
                new Fault("scale-missing", DOWN + ".weight_scale_2", Tensor::dropped),
                new Fault("input-scale-missing", DOWN + ".input_scale", Tensor::dropped),
                new Fault("scale-zero-block", DOWN + ".weight_scale", tensor -> tensor.filled(0)),
                new Fault("scale-shape", DOWN + ".weight_scale", Tensor::halved),
                new Fault("shape", DOWN + ".weight", Tensor::halved),
                new Fault("tensor-missing", DOWN + ".weight", Tensor::dropped),
                new Fault("scale-orphan", DOWN + ".weight", Tensor::dropped),
                new Fault("group-scales-differ", UP + ".weight_scale_2", tensor -> tensor.with(0.01f)),
                new Fault("group-input-scales-differ", UP + ".input_scale", tensor -> tensor.with(0.01f)),
                new Fault("cache-scale-missing", "model.layers.0.self_attn.v_proj.v_scale", Tensor::dropped),
                new Fault("not-finite", "model.norm.weight", tensor -> tensor.filled(0xff)),
                new Fault("weight-zero", DOWN + ".weight", tensor -> tensor.filled(0x80)),
                new Fault("tensor-unused", "model.norm.weight", tensor -> tensor.beside("model.extra.weight")),
                new Fault("tensor-unread", "model.norm.weight", tensor -> tensor.beside(DOWN + ".odd")));
    }

    @ParameterizedTest
    @MethodSource("faults")
    void fault_isSeenAlike_whateverIsExpected(Fault fault) throws IOException {
        requireSeen(fault.code(), broken(fault.tensor(), fault.change()));
    }

    @Test
    void soundExport_hasNoErrors() {
        assertThat(new Auditor(Expectation.servable(), 2).audit(sound()).ok()).isTrue();
        assertThat(new Auditor(Expectation.anyCheckpoint(), 2).audit(sound()).ok())
                .isTrue();
    }

    @Test
    void undeclaredFormat_isSeenAlike_whateverIsExpected() throws IOException {
        Path broken = broken(DOWN + ".weight", tensor -> tensor);
        for (String config : List.of("config.json", "hf_quant_config.json")) {
            Path file = broken.resolve(config);
            String text = Files.readString(file);
            assertThat(text).contains("\"" + DOWN + "\"");
            Files.writeString(file, text.replace("\"" + DOWN + "\"", "\"" + DOWN + "_too\""));
        }

        requireSeen("format-undeclared", broken);
        requireSeen("pattern-unmatched", broken);
    }

    private static void requireSeen(String code, Path broken) {
        Set<String> servable = codes(broken, Expectation.servable());
        assertThat(servable).contains(code);
        assertThat(codes(sound(), Expectation.servable())).doesNotContain(code);
        assertThat(codes(broken, Expectation.anyCheckpoint())).isEqualTo(servable);
    }

    private static Path sound() {
        return new DemoFiles(demo.resolve("demo")).export();
    }

    private static Set<String> codes(Path directory, Expectation expectation) {
        return new Auditor(expectation, 2)
                .audit(directory).findings().stream().map(Finding::code).collect(Collectors.toCollection(TreeSet::new));
    }

    /// A tensor on its way into a broken export.
    record Tensor(List<Planned> plans, MemorySegment bytes) {

        Tensor with(float value) {
            MemorySegment changed = MemorySegment.ofArray(bytes.toArray(ValueLayout.JAVA_BYTE));
            changed.set(ValueLayout.JAVA_FLOAT_UNALIGNED, 0, value);
            return new Tensor(plans, changed);
        }

        Tensor filled(int value) {
            MemorySegment changed = MemorySegment.ofArray(bytes.toArray(ValueLayout.JAVA_BYTE));
            return new Tensor(plans, changed.fill((byte) value));
        }

        Tensor dropped() {
            return new Tensor(List.of(), bytes);
        }

        Tensor halved() {
            Shape shape = plans.getFirst().shape();
            Shape half = Shape.of(shape.dim(0) / 2, shape.dim(1));
            return new Tensor(
                    List.of(new Planned(
                            plans.getFirst().name(), plans.getFirst().dtype(), half)),
                    bytes.asSlice(0, bytes.byteSize() / 2));
        }

        Tensor beside(String name) {
            Planned own = plans.getFirst();
            return new Tensor(List.of(own, new Planned(name, own.dtype(), own.shape())), bytes);
        }
    }

    /// Returns a copy of the export in which one tensor is changed.
    private Path broken(String name, UnaryOperator<Tensor> change) throws IOException {
        Path broken = Files.createDirectory(temp.resolve("broken"));
        for (String config : List.of("config.json", "hf_quant_config.json")) {
            Files.copy(sound().resolve(config), broken.resolve(config));
        }
        try (Checkpoint written = Checkpoint.open(sound())) {
            List<Planned> plan = new ArrayList<>();
            List<MemorySegment> bytes = new ArrayList<>();
            for (TensorInfo info : written.tensors().values()) {
                Tensor tensor =
                        new Tensor(List.of(new Planned(info.name(), info.dtype(), info.shape())), written.bytes(info));
                Tensor kept = info.name().equals(name) ? change.apply(tensor) : tensor;
                for (Planned planned : kept.plans()) {
                    plan.add(planned);
                    bytes.add(kept.bytes());
                }
            }
            assertThat(written.has(name)).as(name).isTrue();
            SafetensorsWriter.write(broken.resolve("model.safetensors"), plan, Map.of(), bytes);
        }
        return broken;
    }
}
