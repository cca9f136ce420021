package io.github.steelyard.dialect;

import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.files.Finding;
import io.github.steelyard.files.Printable;
import io.github.steelyard.format.Format;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/// The two configs that speak of the quantization of one checkpoint.
///
/// @param file `hf_quant_config.json`
/// @param here what it says
/// @param there what `config.json` says
record TwoConfigs(ConfigJson file, QuantizationConfig here, QuantizationConfig there) {

    /// Returns what the first says, after checking it against the other and taking from there what is only there.
    QuantizationConfig merged() {
        boolean anew = there.method().listsLoosely()
                && here.others().map(Declaration::format).equals(Optional.of(Format.PLAIN));
        if (anew) {
            return laidOver();
        }
        if (there.method() != here.method()) {
            throw new CheckpointException(
                    file.file(),
                    "quantization by %s here, by %s in config.json".formatted(here.method(), there.method()));
        }
        requireSame("for all modules", here.others(), there.others());
        Set<String> named = new TreeSet<>(here.assigned().named().keySet());
        named.retainAll(there.assigned().named().keySet());
        for (String module : named) {
            requireSame(
                    "for module " + Printable.quoted(module),
                    Optional.ofNullable(here.assigned().named().get(module)),
                    Optional.ofNullable(there.assigned().named().get(module)));
        }
        List<Finding> findings = findings();
        compare(
                "the excluded modules",
                here.excluded().texts(),
                there.excluded().texts(),
                findings);
        compare(
                "the quantised modules",
                here.assigned().texts(),
                there.assigned().texts(),
                findings);
        if (here.kvCache().isPresent()
                && there.kvCache().isPresent()
                && !here.kvCache().equals(there.kvCache())) {
            findings.add(conflict(
                    "the KV cache", here.kvCache().get(), there.kvCache().get()));
        }
        return new QuantizationConfig(
                here.method(),
                here.producer().isEmpty() ? there.producer() : here.producer(),
                here.excluded(),
                here.assigned(),
                here.others(),
                here.kvCache().or(there::kvCache),
                findings);
    }

    /// Returns what a publisher's config says, with the modules that were quantised anew taken from the other: FP8 by
    /// the publisher, NVFP4 experts by ModelOpt. What is excluded there was left as the publisher has it.
    private QuantizationConfig laidOver() {
        return new QuantizationConfig(
                there.method(),
                here.producer(),
                here.assigned(),
                there.excluded(),
                there.assigned(),
                there.others(),
                here.kvCache().or(there::kvCache),
                findings(),
                Optional.empty());
    }

    private List<Finding> findings() {
        List<Finding> all = new ArrayList<>(here.findings());
        all.addAll(there.findings());
        return all;
    }

    private void requireSame(String what, Optional<Declaration> one, Optional<Declaration> other) {
        boolean same = one.isEmpty()
                || other.isEmpty()
                || (one.get().label().equals(other.get().label())
                        && (one.get().groupSize() == other.get().groupSize()
                                || one.get().groupSize() == 0
                                || other.get().groupSize() == 0));
        if (!same) {
            throw new CheckpointException(
                    file.file(), "%s: %s here, %s in config.json".formatted(what, text(one.get()), text(other.get())));
        }
    }

    private static String text(Declaration declaration) {
        return declaration.groupSize() == 0
                ? declaration.label()
                : String.format(Locale.ROOT, "%s with group_size %d", declaration.label(), declaration.groupSize());
    }

    private void compare(String what, Set<String> ours, Set<String> theirs, List<Finding> findings) {
        if (ours.isEmpty() || theirs.isEmpty()) {
            return;
        }
        Set<String> onlyHere = new TreeSet<>(ours);
        onlyHere.removeAll(theirs);
        Set<String> onlyThere = new TreeSet<>(theirs);
        onlyThere.removeAll(ours);
        if (!onlyHere.isEmpty() || !onlyThere.isEmpty()) {
            findings.add(conflict(what, Printable.list(onlyHere), Printable.list(onlyThere)));
        }
    }

    private Finding conflict(String what, String ours, String theirs) {
        return Finding.warning(
                "quantization-configs-differ",
                what,
                "%s: %s: only here %s, only in config.json %s"
                        .formatted(Printable.of(file.file()), what, orNothing(ours), orNothing(theirs)));
    }

    private static String orNothing(String text) {
        return text.isEmpty() ? "nothing" : text;
    }
}
