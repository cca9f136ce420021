package io.github.steelyard.run;

import io.github.steelyard.format.EncodedWeight;
import io.github.steelyard.format.Nvfp4Weight;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.OverlaidWeights;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.solve.Solver.Part;
import io.github.steelyard.solve.StaticBlocks;
import io.github.steelyard.weights.Weights;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The weights that a run solved, over those that it was calibrated on.
public final class SolvedWeights {

    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private SolvedWeights() {}

    /// Returns `below` with what was solved over it.
    ///
    /// @param solved must stay open
    /// @throws io.github.steelyard.statistics.StatisticsException if it has tensors of other types or shapes
    public static Weights over(Weights below, Decoder decoder, SolvedTensors solved) {
        Map<String, StoredWeight> over = new HashMap<>();
        decoder.linears()
                .forEach(linear -> weight(linear.info(), solved)
                        .ifPresent(weight -> over.put(linear.info().name(), weight)));
        return over.isEmpty() ? below : OverlaidWeights.of(below, decoder, over);
    }

    /// Returns what was solved for a module, empty if nothing was.
    public static Optional<StoredWeight> weight(ModuleInfo module, SolvedTensors solved) {
        if (module.kind() == ModuleInfo.Kind.ATTENTION || module.columns() % Nvfp4Weight.BLOCK != 0) {
            return Optional.empty();
        }
        List<Optional<MemorySegment>> parts = StaticBlocks.parts(module).stream()
                .map(part -> bytes(module, part, solved))
                .toList();
        return parts.stream().allMatch(Optional::isPresent)
                ? Optional.of(EncodedWeight.of(new Nvfp4Weight(
                        parts.get(0).orElseThrow(),
                        parts.get(1).orElseThrow(),
                        module.rows(),
                        module.columns(),
                        parts.get(2).orElseThrow().get(F32, 0))))
                : Optional.empty();
    }

    private static Optional<MemorySegment> bytes(ModuleInfo module, Part part, SolvedTensors solved) {
        return solved.bytes(module.name(), part.name(), part.dtype(), part.shape());
    }
}
