package io.github.steelyard.audit;

import io.github.steelyard.census.StoredModule;
import io.github.steelyard.census.StoredModules;
import io.github.steelyard.dialect.QuantAlgo;
import io.github.steelyard.weights.WeightTensors;
import java.util.List;

/// Every module is there in the format that was planned.
///
/// @param planned what was to be written
record PlannedFormats(Expectation.Planned planned) implements Check {

    @Override
    public void run(Subject subject, Findings findings) {
        planned.modules().forEach((name, format) -> {
            QuantAlgo algo = format.algo();
            List<StoredModule> written = written(name, subject.stored());
            if (written.isEmpty()) {
                findings.each(FindingCode.MODULE_MISSING, "modules that were planned and not written", name);
            }
            for (StoredModule module : written) {
                WeightTensors tensors = module.tensors().orElseThrow();
                if (!DeclaredFormats.agrees(algo.weight(), module)) {
                    findings.each(
                            FindingCode.FORMAT_DIFFERS,
                            "modules planned as %s and written as %s".formatted(algo.word(), tensors.label()),
                            module.name());
                }
            }
        });
        String declared = subject.checkpoint().quantization().kvCache().orElse("none");
        if (!declared.equals(planned.kvCache().orElse("none"))) {
            findings.here(
                    FindingCode.CACHE_DIFFERS,
                    "kv_cache_quant_algo",
                    "kv_cache_quant_algo: planned %s, declared %s"
                            .formatted(planned.kvCache().orElse("none"), declared));
        }
    }

    /// Returns the module of this name, or the tensors of all experts that it holds.
    private static List<StoredModule> written(String name, StoredModules stored) {
        return stored.find(name).filter(module -> module.format().isPresent() && module.isMatrix()).stream()
                .findFirst()
                .map(List::of)
                .orElseGet(() -> stored.all().stream()
                        .filter(stack -> stack.isStack() && stack.format().isPresent())
                        .filter(stack -> name.equals(
                                stack.name().substring(0, stack.name().lastIndexOf('.'))))
                        .toList());
    }
}
