package io.github.steelyard.export;

import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.calibration.SiteScale;
import io.github.steelyard.census.SourceModule;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.dialect.Dialect;
import io.github.steelyard.dialect.TensorNames;
import io.github.steelyard.export.ModuleExport.Treatment;
import io.github.steelyard.files.Finding;
import io.github.steelyard.format.Fp8;
import io.github.steelyard.format.Nvfp4;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.model.ModuleInfo;
import io.github.steelyard.model.Role;
import io.github.steelyard.model.Site;
import io.github.steelyard.plan.Scheme;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import io.github.steelyard.weights.WeightTensors;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;

/// Decides for each module what is written.
///
/// | source | recipe | written |
/// |---|---|---|
/// | plain | nothing | copied |
/// | plain, or another format | a format | encoded from the decoded weight |
/// | the same format | that format | weight kept byte by byte, the input's scale new |
/// | another weight lies over it | a format | encoded from that weight |
/// | another weight lies over it | nothing | that weight, as BF16 where it is BF16, else as F32 |
/// | quantised, and ModelOpt has a name for it | nothing | kept and declared, with the source's input scale |
/// | quantised otherwise (128 x 128 blocks, no static input scale) | nothing | decoded to BF16, with a warning |
///
/// A kept NVFP4 or FP8 weight needs the scale that its group shares; where the source's differ, the group is encoded
/// anew, which is what servers would do with FP8.
final class ModulePlanner {

    private final Map<String, SourceModule> modules = new HashMap<>();
    private final Function<String, Scheme> schemes;
    private final ScaleTable scales;
    private final List<Refusal> refusals;

    /// @param schemes the plan: formats of a module
    /// @param refusals receives whatever cannot be written
    ModulePlanner(
            List<SourceModule> modules, Function<String, Scheme> schemes, ScaleTable scales, List<Refusal> refusals) {
        modules.forEach(module -> this.modules.put(module.name(), module));
        this.schemes = schemes;
        this.scales = scales;
        this.refusals = refusals;
    }

    ModuleExport plan(SourceModule module) {
        Scheme scheme = schemes.apply(module.name());
        if (!scheme.isQuantised()) {
            return untouched(module);
        }
        Optional<LayerFormat> format = LayerFormat.of(scheme);
        if (format.isEmpty()) {
            refusals.add(new Refusal(module.name(), "ModelOpt's format has no name for %s".formatted(scheme)));
        } else if (!format.get().fits(module.linear().info().columns())) {
            refusals.add(new Refusal(
                    module.name(),
                    String.format(
                            Locale.ROOT,
                            "%s needs input features in multiples of %d, found %d",
                            format.get().algorithm(),
                            format.get().groupSize().orElse(1),
                            module.linear().info().columns())));
        } else if (module.sharesEmbedding()) {
            refusals.add(
                    new Refusal(module.name(), "shares its weight with the embedding and cannot be quantised apart"));
        } else {
            return quantised(module, format.get());
        }
        return ModuleExport.copied(module.name());
    }

    private ModuleExport quantised(SourceModule module, LayerFormat format) {
        Optional<Float> inputScale =
                format.hasInputScale() ? Optional.of(scale(module.name(), Role.INPUT, format)) : Optional.empty();
        return keeps(module, format) ? kept(module, format, inputScale) : encoded(module, format, inputScale);
    }

    private ModuleExport untouched(SourceModule module) {
        if (module.isReplaced()) {
            return replaced(module);
        }
        if (module.isPlain()) {
            return ModuleExport.copied(module.name());
        }
        Optional<Float> inputScale = module.inputScale();
        Optional<LayerFormat> format = module.kind().flatMap(kind -> declared(kind, inputScale.isPresent()));
        if (format.isPresent() && module.hasDeclarableCodes()) {
            return kept(module, format.get(), format.get().hasInputScale() ? inputScale : Optional.empty());
        }
        return module.isFused() && isPlainFused(module) ? ModuleExport.copied(module.name()) : decoded(module);
    }

    private static Optional<LayerFormat> declared(WeightTensors.Kind kind, boolean inputScale) {
        return switch (kind) {
            case PLAIN, FP8_BLOCK, INT_PACKED -> Optional.empty();
            case FP8_TENSOR -> inputScale ? Optional.of(LayerFormat.FP8) : Optional.empty();
            case FP8_CHANNEL -> Optional.of(LayerFormat.FP8_PER_CHANNEL);
            case NVFP4, NVFP4_PACKED -> Optional.of(inputScale ? LayerFormat.NVFP4 : LayerFormat.W4A16_NVFP4);
            case MXFP4 -> Optional.of(LayerFormat.MXFP4);
            case MXFP8 -> Optional.of(LayerFormat.MXFP8);
        };
    }

    private static boolean isPlainFused(SourceModule module) {
        return module.linear().source().fusedTensors().stream()
                .map(name -> module.weights().checkpoint().tensor(name).dtype())
                .allMatch(dtype -> dtype == DType.BF16 || dtype == DType.F16 || dtype == DType.F32);
    }

    private boolean keeps(SourceModule module, LayerFormat format) {
        List<SourceModule> group = group(module.linear().info(), format);
        return storedAs(module, format)
                && group.stream().allMatch(member -> storedAs(member, format))
                && group.stream().map(SourceModule::tensorScale).distinct().count() <= 1;
    }

    private static boolean storedAs(SourceModule module, LayerFormat format) {
        return !module.isReplaced()
                && module.hasDeclarableCodes()
                && module.kind().map(format::isStoredAs).orElse(false);
    }

    /// Returns the modules that share one weight scale with this one in `format`, itself included; none where a weight
    /// has no scale for the whole tensor. [ScaleTable] has the rules.
    private List<SourceModule> group(ModuleInfo info, LayerFormat format) {
        List<String> names =
                format.isNvfp4() ? info.inputGroup() : format == LayerFormat.FP8 ? info.joined() : List.of();
        return names.stream()
                .filter(name -> LayerFormat.of(schemes.apply(name)).equals(Optional.of(format)))
                .map(modules::get)
                .filter(Objects::nonNull)
                .toList();
    }

    private ModuleExport kept(SourceModule module, LayerFormat format, Optional<Float> inputScale) {
        String name = module.name();
        TensorNames names = Dialect.MODELOPT.module(name);
        ModuleInfo info = module.linear().info();
        WeightTensors stored = module.stored().orElseThrow();
        List<OutputTensor> tensors = new ArrayList<>();
        boolean packed = format.isNvfp4() || format == LayerFormat.MXFP4;
        tensors.add(new OutputTensor(
                names.codes(),
                packed ? DType.U8 : DType.F8_E4M3,
                Shape.of(info.rows(), packed ? info.columns() / 2 : info.columns()),
                TensorContent.Copied.of(module, stored.weight())));
        tensors.add(keptScale(module, format, stored.scale().orElseThrow()));
        if (format.isNvfp4()) {
            module.tensorScale().ifPresent(scale -> tensors.add(OutputTensor.scalar(names.secondScale(), scale)));
        }
        inputScale.ifPresent(scale -> tensors.add(OutputTensor.scalar(names.inputScale(), scale)));
        return new ModuleExport(
                name, Treatment.KEPT, Optional.of(format), tensors, module.tensorNames(), Optional.empty());
    }

    private static OutputTensor keptScale(SourceModule module, LayerFormat format, TensorInfo scale) {
        String name = Dialect.MODELOPT.module(module.name()).scale();
        return switch (format) {
            case FP8 -> OutputTensor.scalar(name, module.tensorScale().orElseThrow());
            case FP8_PER_CHANNEL ->
                new OutputTensor(
                        name,
                        DType.F32,
                        Shape.of(module.linear().info().rows()),
                        new TensorContent.Floats(module.values(scale)));
            case FP8_BLOCK ->
                new OutputTensor(
                        name,
                        DType.F32,
                        blockScales(
                                module.linear().info().rows(),
                                module.linear().info().columns()),
                        new TensorContent.Floats(module.values(scale)));
            case NVFP4, W4A16_NVFP4 ->
                new OutputTensor(name, DType.F8_E4M3, scale.shape(), TensorContent.Copied.of(module, scale));
            case MXFP4, MXFP8 ->
                new OutputTensor(name, DType.U8, scale.shape(), TensorContent.Copied.of(module, scale));
        };
    }

    private ModuleExport encoded(SourceModule module, LayerFormat format, Optional<Float> inputScale) {
        String name = module.name();
        TensorNames names = Dialect.MODELOPT.module(name);
        ModuleInfo info = module.linear().info();
        StoredWeight weight = module.weight();
        float scale = format == LayerFormat.FP8 || format.isNvfp4() ? scale(name, Role.WEIGHT, format) : 1;
        boolean packed = format.isNvfp4() || format == LayerFormat.MXFP4;
        List<OutputTensor> tensors = new ArrayList<>();
        tensors.add(new OutputTensor(
                names.codes(),
                packed ? DType.U8 : DType.F8_E4M3,
                Shape.of(info.rows(), packed ? info.columns() / 2 : info.columns()),
                new TensorContent.Codes(weight, format, scale)));
        tensors.add(encodedScale(names.scale(), weight, format, scale));
        if (format.isNvfp4()) {
            tensors.add(OutputTensor.scalar(names.secondScale(), scale));
        }
        inputScale.ifPresent(value -> tensors.add(OutputTensor.scalar(names.inputScale(), value)));
        return new ModuleExport(
                name, Treatment.ENCODED, Optional.of(format), tensors, module.tensorNames(), Optional.empty());
    }

    private static OutputTensor encodedScale(String name, StoredWeight weight, LayerFormat format, float scale) {
        TensorContent content = new TensorContent.Scales(weight, format, scale);
        int rows = weight.rows();
        int columns = weight.columns();
        return switch (format) {
            case FP8 -> OutputTensor.scalar(name, scale);
            case FP8_PER_CHANNEL -> new OutputTensor(name, DType.F32, Shape.of(rows), content);
            case FP8_BLOCK -> new OutputTensor(name, DType.F32, blockScales(rows, columns), content);
            case NVFP4, W4A16_NVFP4 ->
                new OutputTensor(name, DType.F8_E4M3, Shape.of(rows, columns / Nvfp4.BLOCK), content);
            case MXFP4, MXFP8 -> new OutputTensor(name, DType.U8, Shape.of(rows, columns / 32), content);
        };
    }

    /// ModelOpt's shape for the scales of 128 x 128 blocks.
    private static Shape blockScales(int rows, int columns) {
        return Shape.of(Math.ceilDiv(rows, Fp8.BLOCK), 1, Math.ceilDiv(columns, Fp8.BLOCK), 1);
    }

    private static ModuleExport decoded(SourceModule module) {
        String name = module.name();
        StoredWeight weight = module.weight();
        Finding finding = Finding.warning(
                "decoded",
                name,
                "%s: stored as %s, which ModelOpt's format cannot declare; written as BF16"
                        .formatted(name, weight.formatName()));
        return plain(module, weight, DType.BF16, Treatment.DECODED, Optional.of(finding));
    }

    /// Returns the export of a module that no rule names and that another weight lies over. No value changes.
    private static ModuleExport replaced(SourceModule module) {
        StoredWeight weight = module.weight();
        return plain(module, weight, plainType(weight), Treatment.REPLACED, Optional.empty());
    }

    /// Returns the type in which a weight can be written as plain values, and none changes.
    static DType plainType(StoredWeight weight) {
        return weight.formatName().equals(DType.BF16.name()) ? DType.BF16 : DType.F32;
    }

    /// Returns the export of a module that no rule names, out of a fused tensor that is replaced because a rule names
    /// others in it. No value changes.
    static ModuleExport unfused(SourceModule module) {
        boolean bf16 = module.linear().source().fusedTensors().stream()
                .allMatch(name -> module.weights().checkpoint().tensor(name).dtype() == DType.BF16);
        return plain(module, module.weight(), bf16 ? DType.BF16 : DType.F32, Treatment.COPIED, Optional.empty());
    }

    private static ModuleExport plain(
            SourceModule module, StoredWeight weight, DType dtype, Treatment treatment, Optional<Finding> finding) {
        OutputTensor tensor = new OutputTensor(
                module.name() + ".weight",
                dtype,
                Shape.of(weight.rows(), weight.columns()),
                new TensorContent.Values(weight, dtype));
        return new ModuleExport(
                module.name(), treatment, Optional.empty(), List.of(tensor), module.tensorNames(), finding);
    }

    /// The scale of a weight or an input. A weight of zeros has no amax; its scale is 1.
    private float scale(String module, Role role, LayerFormat format) {
        Site site = new Site(module, role);
        Optional<Float> amax = scales.at(site).map(SiteScale::amax);
        if (amax.isEmpty() && role == Role.INPUT) {
            refusals.add(new Refusal(site.name(), "has no calibrated amax"));
        }
        float value = amax.orElse(0f);
        return format.isNvfp4() ? Nvfp4.globalScale(value) : Fp8.scale(value);
    }
}
