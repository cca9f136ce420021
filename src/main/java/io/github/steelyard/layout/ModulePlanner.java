package io.github.steelyard.layout;

import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.calibration.SiteScale;
import io.github.steelyard.census.SourceModule;
import io.github.steelyard.dialect.Declaration;
import io.github.steelyard.dialect.Declaration.Input;
import io.github.steelyard.dialect.Dialect;
import io.github.steelyard.dialect.ModuleFormat;
import io.github.steelyard.dialect.Part;
import io.github.steelyard.dialect.QuantAlgo;
import io.github.steelyard.dialect.TensorScale;
import io.github.steelyard.files.Finding;
import io.github.steelyard.format.Format;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.format.WeightEncoder;
import io.github.steelyard.layout.ModuleExport.Treatment;
import io.github.steelyard.plan.Scheme;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Predicate;

/// Decides for each module what is written.
///
/// | source | recipe | written |
/// |---|---|---|
/// | plain | nothing | copied |
/// | plain, or another format | a format | encoded from the decoded weight |
/// | the same format | that format | weight kept byte by byte, the input's scale new |
/// | another weight lies over it | a format | encoded from that weight |
/// | another weight lies over it | nothing | that weight, as BF16 where it is BF16, else as F32 |
/// | quantised, and the dialect has a name for it | nothing | kept and declared, with the source's input scale |
/// | quantised otherwise (ModelOpt: 128 x 128 blocks, no static input scale) | nothing | decoded to BF16, and said |
///
/// A kept NVFP4 or FP8 weight needs the scale that its group shares; where the source's differ, the group is encoded
/// anew, which is what servers would do with FP8. Where a recipe wants weights as they are stored, this is left to
/// them.
public final class ModulePlanner {

    private static final String NO_STACKS = "its experts lie in one tensor where servers load them, and %s has none";

    private final Layout layout;
    private final Map<String, SourceModule> modules = new HashMap<>();
    private final Function<String, Scheme> schemes;
    private final Predicate<String> asStored;
    private final ScaleTable scales;
    private final Function<String, WeightEncoder> encoders;
    private final List<Refusal> refusals;

    /// @param schemes the plan: formats of a module
    /// @param asStored the plan: whether a module's weight is to stay as it is stored
    /// @param encoders what encodes the weight of a module that has a format
    /// @param refusals receives whatever cannot be written
    public ModulePlanner(
            Dialect.Written dialect,
            List<SourceModule> modules,
            Function<String, Scheme> schemes,
            Predicate<String> asStored,
            ScaleTable scales,
            Function<String, WeightEncoder> encoders,
            List<Refusal> refusals) {
        this.layout = new Layout(dialect);
        modules.forEach(module -> this.modules.put(module.name(), module));
        this.schemes = schemes;
        this.asStored = asStored;
        this.scales = scales;
        this.encoders = encoders;
        this.refusals = refusals;
    }

    public ModuleExport plan(SourceModule module) {
        Scheme scheme = schemes.apply(module.name());
        if (!scheme.isQuantised()) {
            return untouched(module);
        }
        Optional<ModuleFormat> format =
                scheme.declared().filter(declared -> layout.dialect().has(declared.algo()));
        if (format.isEmpty()) {
            refusals.add(new Refusal(module.name(), "%s's format has no name for %s".formatted(title(), scheme)));
        } else if (isStackedWithBiases(module)) {
            refusals.add(new Refusal(module.name(), NO_STACKS.formatted(title())));
        } else if (isCutUnevenly(format.get(), module.linear().info())) {
            refusals.add(new Refusal(
                    module.name(),
                    String.format(
                            Locale.ROOT,
                            "%s needs input features in multiples of its groups of %d, found %d",
                            title(),
                            format.get().block(),
                            module.linear().info().columns())));
        } else if (!fits(format.get().algo().weight(), module.linear().info())) {
            refusals.add(new Refusal(
                    module.name(), unfit(format.get().algo(), module.linear().info())));
        } else if (module.sharesEmbedding()) {
            refusals.add(
                    new Refusal(module.name(), "shares its weight with the embedding and cannot be quantised apart"));
        } else {
            return quantised(module, format.get());
        }
        return ModuleExport.copied(module.name());
    }

    /// Readers of compressed-tensors find the extent of a group in the shape of the scales.
    private boolean isCutUnevenly(ModuleFormat format, ModuleInfo info) {
        return format.algo().weight() == Format.INT4
                && !isCutInPairs(Format.INT4)
                && format.block() > 0
                && info.columns() % format.block() != 0;
    }

    /// Integers of four bits of ModelOpt lie two rows in a byte.
    private boolean isCutInPairs(Format weight) {
        return layout.dialect().codeShape(weight, 2, 1).dim(0) == 1;
    }

    private boolean fits(Format weight, ModuleInfo info) {
        return weight.fits(info.columns()) && !(isCutInPairs(weight) && info.rows() % 2 != 0);
    }

    private String unfit(QuantAlgo algo, ModuleInfo info) {
        return algo.weight().fits(info.columns())
                ? String.format(
                        Locale.ROOT, "%s needs output features in multiples of 2, found %d", algo.word(), info.rows())
                : String.format(
                        Locale.ROOT,
                        "%s needs input features in multiples of %d, found %d",
                        algo.word(),
                        algo.weight().block(),
                        info.columns());
    }

    private String title() {
        return layout.dialect().title();
    }

    /// Servers that know compressed-tensors know the experts of Llama-4 one by one too, those of gpt-oss not.
    private static boolean isStackedWithBiases(SourceModule module) {
        return module.stack().isPresent() && module.linear().bias().isPresent();
    }

    private ModuleExport quantised(SourceModule module, ModuleFormat declared) {
        QuantAlgo format = declared.algo();
        Optional<TensorScale> inputScale =
                format.hasInputScale() ? Optional.of(inputScale(module.name(), format)) : Optional.empty();
        if (keeps(module, format)) {
            return kept(module, format, inputScale);
        }
        ModuleExport export = encoded(module, declared, inputScale);
        return storedAs(module, format) ? export.with(encodedAgain(module.name())) : export;
    }

    private Finding inputLost(String module) {
        return Finding.warning(
                "input-not-quantised",
                module,
                "%s: its input is quantised at run time in the source, which %s's format cannot declare"
                        .formatted(module, title()));
    }

    private static Finding encodedAgain(String module) {
        return Finding.warning(
                "encoded-again",
                module,
                module
                        + ": stored in the planned format, but not under one scale with what servers join it with, so it is"
                        + " encoded again");
    }

    private ModuleExport untouched(SourceModule module) {
        if (module.isReplaced()) {
            return replaced(module);
        }
        if (module.isPlain()) {
            return ModuleExport.copied(module.name());
        }
        if (module.stack().isPresent() && module.isFused() && !isPlainFused(module)) {
            refusals.add(new Refusal(module.name(), NO_STACKS.formatted(title())));
            return ModuleExport.copied(module.name());
        }
        Optional<TensorScale> inputScale = module.inputScale();
        List<QuantAlgo> possible = module.format()
                .map(stored -> declared(module, stored, inputScale.isPresent()))
                .orElse(List.of());
        Optional<QuantAlgo> format =
                possible.stream().filter(layout.dialect()::has).findFirst();
        if (format.isPresent() && module.hasDeclarableCodes()) {
            ModuleExport export =
                    kept(module, format.get(), format.get().hasInputScale() ? inputScale : Optional.empty());
            return format.get() == possible.getFirst() ? export : export.with(inputLost(module.name()));
        }
        return module.isFused() && isPlainFused(module) ? ModuleExport.copied(module.name()) : decoded(module);
    }

    /// Returns how a module can be declared as it is, the best first.
    private static List<QuantAlgo> declared(SourceModule module, Format stored, boolean inputScale) {
        Optional<Declaration> said =
                module.weights().checkpoint().quantization().declarationOf(module.name());
        boolean dynamic =
                said.filter(declared -> declared.input() == Input.DYNAMIC).isPresent();
        boolean fp8Input =
                said.filter(declared -> declared.input() == Input.STATIC_FP8).isPresent();
        boolean oneTile =
                said.filter(declared -> declared.format() == Format.FP8_BLOCK).isPresent();
        return switch (stored) {
            case FP8 ->
                inputScale
                        ? List.of(QuantAlgo.FP8)
                        : dynamic && oneTile ? List.of(QuantAlgo.FP8_BLOCK_DYNAMIC) : List.of();
            case FP8_PER_CHANNEL -> List.of(QuantAlgo.FP8_PER_CHANNEL);
            case FP8_BLOCK -> dynamic ? List.of(QuantAlgo.FP8_BLOCK_DYNAMIC) : List.of();
            case NVFP4 ->
                List.of(fp8Input ? QuantAlgo.W4A8_NVFP4 : inputScale ? QuantAlgo.NVFP4 : QuantAlgo.W4A16_NVFP4);
            case NVFP4_32 -> fp8Input ? List.of(QuantAlgo.W4A8_NVFP4_32) : List.of();
            case MXFP4 ->
                fp8Input && inputScale
                        ? List.of(QuantAlgo.W4A8_MXFP4)
                        : dynamic ? List.of(QuantAlgo.W4A4_MXFP4, QuantAlgo.MXFP4) : List.of(QuantAlgo.MXFP4);
            case MXFP8 -> List.of(QuantAlgo.MXFP8);
            case INT8_PER_CHANNEL ->
                List.of(inputScale ? QuantAlgo.W8A8_INT : dynamic ? QuantAlgo.W8A8_INT_DYNAMIC : QuantAlgo.W8A16_INT);
            case INT8 -> inputScale ? List.of(QuantAlgo.W8A8_INT_TENSOR) : List.of();
            case PLAIN, FP8_DYNAMIC_TOKEN, FP8_DYNAMIC_GROUP, INT4, INT4_FP8, INT8_DYNAMIC_TOKEN, INT8_GROUPS ->
                List.of();
        };
    }

    private static boolean isPlainFused(SourceModule module) {
        return module.linear().source().fusedTensors().stream()
                .map(name -> module.weights().checkpoint().tensor(name).dtype())
                .allMatch(dtype -> dtype == DType.BF16 || dtype == DType.F16 || dtype == DType.F32);
    }

    private boolean keeps(SourceModule module, QuantAlgo format) {
        if (storedAs(module, format)
                && asStored.test(module.name())
                && !format.weight().hasSecondLevel()) {
            return true;
        }
        List<SourceModule> group = group(module.linear().info(), format);
        return storedAs(module, format)
                && group.stream().allMatch(member -> storedAs(member, format))
                && group.stream().map(SourceModule::tensorScale).distinct().count() <= 1;
    }

    private static boolean storedAs(SourceModule module, QuantAlgo format) {
        return !module.isReplaced()
                && module.hasDeclarableCodes()
                && module.format().equals(Optional.of(format.weight()));
    }

    /// Returns the modules that share one weight scale with this one in `format`, itself included; none where a weight
    /// has no scale for the whole tensor. [ScaleTable] has the rules.
    private List<SourceModule> group(ModuleInfo info, QuantAlgo format) {
        List<String> names = format.weight().hasSecondLevel()
                ? info.inputGroup()
                : format.weight().hasTensorScale() ? info.joined() : List.of();
        return names.stream()
                .filter(name -> schemes.apply(name).algorithm().equals(Optional.of(format)))
                .map(modules::get)
                .filter(Objects::nonNull)
                .toList();
    }

    private ModuleExport kept(SourceModule module, QuantAlgo algo, Optional<TensorScale> inputScale) {
        return made(module, Treatment.KEPT, new ModuleFormat(algo), layout.kept(module, algo.weight(), inputScale));
    }

    private ModuleExport encoded(SourceModule module, ModuleFormat format, Optional<TensorScale> inputScale) {
        return made(
                module,
                Treatment.ENCODED,
                format,
                layout.encoded(
                        module,
                        encoders.apply(module.name()),
                        inputScale,
                        Optional.ofNullable(scales.factors().get(module.name()))));
    }

    private static ModuleExport made(
            SourceModule module, Treatment treatment, ModuleFormat format, List<OutputTensors> tensors) {
        return new ModuleExport(
                module.name(), treatment, Optional.of(format), tensors, module.tensorNames(), Optional.empty());
    }

    private ModuleExport decoded(SourceModule module) {
        String name = module.name();
        StoredWeight weight = module.weight();
        Finding finding = Finding.warning(
                "decoded",
                name,
                "%s: stored as %s, which %s's format cannot declare; written as BF16"
                        .formatted(name, weight.formatName(), title()));
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
    public static ModuleExport unfused(SourceModule module) {
        boolean bf16 = module.linear().source().fusedTensors().stream()
                .allMatch(name -> module.weights().checkpoint().tensor(name).dtype() == DType.BF16);
        return plain(module, module.weight(), bf16 ? DType.BF16 : DType.F32, Treatment.COPIED, Optional.empty());
    }

    private static ModuleExport plain(
            SourceModule module, StoredWeight weight, DType dtype, Treatment treatment, Optional<Finding> finding) {
        OutputTensors tensor = OutputTensors.of(
                Part.WEIGHT.in(module.name()),
                dtype,
                Shape.of(weight.rows(), weight.columns()),
                new TensorContent.Values(weight, Optional.empty(), dtype));
        return new ModuleExport(
                module.name(), treatment, Optional.empty(), List.of(tensor), module.tensorNames(), finding);
    }

    private TensorScale inputScale(String module, QuantAlgo format) {
        Site site = new Site(module, Role.INPUT);
        Optional<Float> amax = scales.at(site).map(SiteScale::amax);
        if (amax.isEmpty()) {
            refusals.add(new Refusal(site.name(), "has no calibrated amax"));
        }
        return layout.dialect().tensorScale(format.input().orElseThrow(), amax.orElse(0f));
    }
}
