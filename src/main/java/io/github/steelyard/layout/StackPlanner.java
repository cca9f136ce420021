package io.github.steelyard.layout;

import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.calibration.SiteScale;
import io.github.steelyard.census.SourceModule;
import io.github.steelyard.dialect.ModuleFormat;
import io.github.steelyard.dialect.QuantAlgo;
import io.github.steelyard.files.Finding;
import io.github.steelyard.format.Format;
import io.github.steelyard.format.WeightEncoder;
import io.github.steelyard.layout.ModuleExport.Treatment;
import io.github.steelyard.plan.Scheme;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.tensor.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

/// Decides what is written for one projection of all experts of a layer, where ModelOpt and servers keep these in one
/// tensor `T`: gpt-oss and Llama-4. As ModelOpt writes them, inputs first, with one weight scale and one input scale
/// for all experts:
///
/// | format | `T` | `T_weight_scale` | `T_weight_scale_2` | `T_input_scale` |
/// |---|---|---|---|---|
/// | NVFP4 | U8 `(experts, inputs / 2, outputs)` | E4M3 `(experts, inputs / 16, outputs)` | F32 | F32 |
/// | FP8 | E4M3 `(experts, inputs, outputs)` | F32 | | F32 |
///
/// Where the source has the experts one by one, they are put together: no server looks for quantised ones there.
public final class StackPlanner {

    private static final String SEPARATE_BIASES =
            "the source has the experts' biases one by one, servers read them in one tensor";

    private final Function<String, Scheme> schemes;
    private final ScaleTable scales;
    private final Function<String, WeightEncoder> encoders;
    private final List<Refusal> refusals;

    /// @param schemes the plan: formats of a module
    /// @param encoders what encodes the weight of a module that has a format
    /// @param refusals receives whatever cannot be written
    public StackPlanner(
            Function<String, Scheme> schemes,
            ScaleTable scales,
            Function<String, WeightEncoder> encoders,
            List<Refusal> refusals) {
        this.schemes = schemes;
        this.scales = scales;
        this.encoders = encoders;
        this.refusals = refusals;
    }

    /// Returns an export for each of `members`, which are all modules of one stack; the first carries the tensors.
    public List<ModuleExport> plan(List<SourceModule> members) {
        SourceStack stack = new SourceStack(members);
        Set<Scheme> planned =
                members.stream().map(member -> schemes.apply(member.name())).collect(Collectors.toSet());
        if (planned.size() > 1) {
            return refused(
                    stack,
                    "servers keep these experts in one tensor of one format, and the recipe has several: %s"
                            .formatted(planned.stream()
                                    .map(Scheme::toString)
                                    .sorted()
                                    .toList()));
        }
        Scheme scheme = planned.iterator().next();
        return scheme.isQuantised() ? quantised(stack, scheme) : untouched(stack);
    }

    private List<ModuleExport> refused(SourceStack stack, String why) {
        refusals.add(new Refusal(stack.name(), why));
        return exports(stack, Treatment.COPIED, Optional.empty(), List.of(), Optional.empty());
    }

    private List<ModuleExport> quantised(SourceStack stack, Scheme scheme) {
        Optional<QuantAlgo> found = scheme.algorithm()
                .filter(format -> format.weight() == Format.FP8 || format.weight() == Format.NVFP4)
                .filter(format -> format.weight().fits(stack.columns()));
        if (found.isEmpty()) {
            return refused(
                    stack,
                    String.format(
                            Locale.ROOT,
                            "servers load these experts, %d inputs each, in one tensor of FP8 or NVFP4; the recipe has %s",
                            stack.columns(),
                            scheme));
        }
        if (stack.hasSeparateBiases()) {
            return refused(stack, SEPARATE_BIASES);
        }
        QuantAlgo format = found.get();
        Optional<Float> inputScale = format.hasInputScale() ? Optional.of(inputScale(stack, format)) : Optional.empty();
        boolean kept = stack.isStoredAs(format.weight());
        List<OutputTensors> tensors = kept ? stack.kept(inputScale) : stack.encoded(encoder(stack), inputScale);
        return exports(
                stack,
                kept ? Treatment.KEPT : Treatment.ENCODED,
                Optional.of(new ModuleFormat(format)),
                tensors,
                Optional.empty());
    }

    private List<ModuleExport> untouched(SourceStack stack) {
        if (stack.isReplaced() && stack.hasSeparateBiases()) {
            return refused(stack, SEPARATE_BIASES);
        }
        if (stack.isReplaced()) {
            return exports(
                    stack,
                    Treatment.REPLACED,
                    Optional.empty(),
                    stack.values(Optional.empty(), stack.plainType()),
                    Optional.empty());
        }
        if (stack.isPlain()) {
            return exports(stack, Treatment.COPIED, Optional.empty(), List.of(), Optional.empty());
        }
        Optional<Float> inputScale = stack.inputScale();
        Optional<ModuleFormat> format = stack.declaredFormat().map(ModuleFormat::new);
        if (format.isPresent()) {
            return exports(stack, Treatment.KEPT, format, stack.kept(inputScale), Optional.empty());
        }
        Finding finding = Finding.warning(
                "decoded",
                stack.name(),
                "%s: stored as %s, which ModelOpt's format cannot declare; written as BF16"
                        .formatted(stack.name(), stack.formatName()));
        return exports(
                stack,
                Treatment.DECODED,
                Optional.empty(),
                stack.values(Optional.empty(), DType.BF16),
                Optional.of(finding));
    }

    /// Returns what encodes all members: they share one amax, as [ScaleTable] made it.
    private WeightEncoder encoder(SourceStack stack) {
        sharedAmax(stack, Role.WEIGHT);
        return encoders.apply(stack.members().getFirst().name());
    }

    private float inputScale(SourceStack stack, QuantAlgo format) {
        Optional<Float> amax = sharedAmax(stack, Role.INPUT);
        if (amax.isEmpty()) {
            refusals.add(new Refusal(stack.name(), "the experts' input has no calibrated amax"));
        }
        return format.input().orElseThrow().tensorScale(amax.orElse(0f));
    }

    private Optional<Float> sharedAmax(SourceStack stack, Role role) {
        List<Float> amax = stack.members().stream()
                .flatMap(member -> scales.at(new Site(member.name(), role)).stream())
                .map(SiteScale::amax)
                .distinct()
                .toList();
        if (amax.size() > 1) {
            throw new IllegalStateException(
                    String.format(Locale.ROOT, "%s: %d scales of one tensor's %s", stack.name(), amax.size(), role));
        }
        return amax.stream().findFirst();
    }

    /// @param tensors what is written in place of the members' tensors; empty where those are copied
    private static List<ModuleExport> exports(
            SourceStack stack,
            Treatment treatment,
            Optional<ModuleFormat> format,
            List<OutputTensors> tensors,
            Optional<Finding> finding) {
        List<ModuleExport> exports = new ArrayList<>();
        for (SourceModule member : stack.members()) {
            boolean first = exports.isEmpty();
            exports.add(new ModuleExport(
                    member.name(),
                    treatment,
                    format,
                    first ? tensors : List.of(),
                    tensors.isEmpty() ? Set.of() : member.tensorNames(),
                    first ? finding : Optional.empty()));
        }
        return exports;
    }
}
