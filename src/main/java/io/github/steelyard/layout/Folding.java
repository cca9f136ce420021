package io.github.steelyard.layout;

import io.github.steelyard.census.SourceModule;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.dialect.CacheNames;
import io.github.steelyard.dialect.Part;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.format.WeightEncoder;
import io.github.steelyard.layout.ModuleExport.Treatment;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// Turns a ModelOpt export into one of plain weights with the same values: what was to be codes is decoded again, and
/// scales are left out.
///
/// Values are written as F32 where the source has F32 or F16, otherwise as BF16, which is what a server computes in.
///
/// @param encoders what encodes the weight of a module that has a format
public record Folding(Function<String, WeightEncoder> encoders) {

    /// Returns what becomes of each module.
    ///
    /// @param modules the same in ModelOpt's dialect
    public List<ModuleExport> of(List<SourceModule> sources, List<ModuleExport> modules) {
        Map<String, List<SourceModule>> stacks = sources.stream()
                .filter(module -> module.stack().isPresent())
                .collect(Collectors.groupingBy(
                        module -> module.stack().orElseThrow().tensor()));
        List<ModuleExport> folded = new ArrayList<>();
        for (int i = 0; i < sources.size(); i++) {
            SourceModule source = sources.get(i);
            ModuleExport module = modules.get(i);
            folded.add(
                    switch (module.treatment()) {
                        case COPIED, REPLACED, DECODED, FOLDED -> module;
                        case KEPT, ENCODED ->
                            new ModuleExport(
                                    module.module(),
                                    Treatment.FOLDED,
                                    Optional.empty(),
                                    source.stack()
                                            .map(stack -> stack(
                                                    module, source, stacks.getOrDefault(stack.tensor(), List.of())))
                                            .orElseGet(() -> List.of(tensor(module, source))),
                                    module.replaced(),
                                    module.finding());
                    });
        }
        return folded;
    }

    /// Returns the cache's part of the export: nothing, in place of what the source has.
    public static CacheExport withoutCache(Decoder decoder, Checkpoint source) {
        Set<String> names = decoder.modules().stream()
                .filter(module -> module.kind() == ModuleInfo.Kind.ATTENTION)
                .flatMap(module -> CacheNames.all(module.name()).stream())
                .filter(source::has)
                .collect(Collectors.toSet());
        return new CacheExport(Optional.empty(), false, List.of(), names);
    }

    private OutputTensors tensor(ModuleExport module, SourceModule source) {
        StoredWeight weight = source.weight();
        DType dtype = dtype(Stream.of(weight));
        return OutputTensors.of(
                Part.WEIGHT.in(source.name()),
                dtype,
                Shape.of(weight.rows(), weight.columns()),
                new TensorContent.Values(weight, encoder(module, source), dtype));
    }

    /// The first member carries the tensor of all, as in ModelOpt's dialect.
    private List<OutputTensors> stack(ModuleExport module, SourceModule source, List<SourceModule> members) {
        if (!source.name().equals(members.getFirst().name())) {
            return List.of();
        }
        SourceStack stack = new SourceStack(members);
        DType dtype = dtype(members.stream().map(SourceModule::weight));
        return stack.values(encoder(module, source), dtype);
    }

    private Optional<WeightEncoder> encoder(ModuleExport module, SourceModule source) {
        return module.treatment() == Treatment.KEPT ? Optional.empty() : Optional.of(encoders.apply(source.name()));
    }

    private static DType dtype(Stream<StoredWeight> weights) {
        return weights.map(StoredWeight::formatName)
                        .anyMatch(name -> name.equals(DType.F32.name()) || name.equals(DType.F16.name()))
                ? DType.F32
                : DType.BF16;
    }
}
