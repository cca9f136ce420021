package io.github.steelyard.layout;

import io.github.steelyard.declare.LauncherDeclaration;
import io.github.steelyard.declare.LauncherQuantizer;
import io.github.steelyard.files.Finding;
import io.github.steelyard.files.GroupedFindings;
import io.github.steelyard.format.Format;
import io.github.steelyard.loader.EngineNames;
import io.github.steelyard.loader.Loaders;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.quant.FakeQuantizer;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;

/// Decides what ModelOpt's launcher for vLLM is told of the quantizers of inputs and caches. It has one for all experts
/// of a layer and one for all parts of a matrix: the largest amax of these counts, and what that costs is said.
public final class LauncherPlanner {

    private static final String ENGINE = "vllm";

    private final Decoder decoder;
    private final List<Refusal> refusals;
    private final GroupedFindings findings;
    private final EngineNames names = Loaders.find(ENGINE).names();
    private final SequencedMap<String, List<Member>> members = new LinkedHashMap<>(); // by quantizer

    /// @param refusals receives what the launcher has no word for
    /// @param findings receives what a person should know
    public LauncherPlanner(Decoder decoder, List<Refusal> refusals, GroupedFindings findings) {
        this.decoder = decoder;
        this.refusals = refusals;
        this.findings = findings;
    }

    /// A site that the launcher has a quantizer for, with the quantizer of an export.
    private record Member(Site site, FakeQuantizer quantizer) {}

    /// Returns the launcher's quantizers, in the order of the model.
    ///
    /// @param quantizers what a server would quantise after an export
    public List<LauncherQuantizer> plan(Map<Site, FakeQuantizer> quantizers) {
        Set<String> modules = new HashSet<>();
        decoder.modules().forEach(module -> modules.add(module.name()));
        for (ModuleInfo module : decoder.modules()) {
            for (Site site : module.sites()) {
                FakeQuantizer quantizer = quantizers.get(site);
                if (site.role() != Role.WEIGHT && quantizer != null) {
                    add(new Member(site, quantizer), names.quantizer(site, module, modules, decoder.family()));
                }
            }
        }
        List<LauncherQuantizer> planned = new ArrayList<>();
        members.forEach((name, sites) -> planned.add(quantizer(name, sites)));
        warnOfShared(planned);
        return planned;
    }

    private void add(Member member, Optional<String> name) {
        if (name.isPresent()) {
            members.computeIfAbsent(name.get(), absent -> new ArrayList<>()).add(member);
        } else {
            findings.warning(
                    "quantizer-not-served",
                    member.site().name(),
                    "ModelOpt's launcher has no quantizer there; it computes with high precision");
        }
    }

    private LauncherQuantizer quantizer(String name, List<Member> sites) {
        Member first = sites.getFirst();
        Format format = first.quantizer().format();
        float largest = 0;
        for (Member member : sites) {
            largest = Math.max(largest, member.quantizer().amax());
            if (member.quantizer().format() != format) {
                refusals.add(new Refusal(
                        member.site().name(),
                        "%s, but ModelOpt's launcher has one quantizer for it and %s, which is %s"
                                .formatted(member.quantizer().format(), first.site(), format)));
            }
        }
        if (!LauncherDeclaration.has(format)) {
            refusals.add(
                    new Refusal(first.site().name(), "ModelOpt's launcher has no quantizer in %s".formatted(format)));
        }
        return new LauncherQuantizer(
                name,
                format,
                format.hasTensorScale() ? largest : 0,
                sites.stream().map(Member::site).toList());
    }

    private void warnOfShared(List<LauncherQuantizer> planned) {
        int all = 0;
        int smaller = 0;
        double factor = 1;
        Optional<Site> first = Optional.empty();
        for (LauncherQuantizer quantizer : planned) {
            for (Member member : members.getOrDefault(quantizer.name(), List.of())) {
                float own = member.quantizer().amax();
                all++;
                if (quantizer.format().hasTensorScale() && own < quantizer.amax()) {
                    smaller++;
                    factor = Math.max(factor, quantizer.amax() / own);
                    first = first.or(() -> Optional.of(member.site()));
                }
            }
        }
        if (first.isPresent()) {
            findings.add(Finding.warning(
                    "quantizer-shared",
                    first.get().name(),
                    String.format(
                            Locale.ROOT,
                            "%d of %d scales of inputs and caches become those of their layer, up to %.3g times as large: "
                                    + "ModelOpt's launcher has one quantizer for all experts of a layer, and codes"
                                    + " exported with sharing: layer are served the same",
                            smaller,
                            all,
                            factor)));
        }
    }
}
