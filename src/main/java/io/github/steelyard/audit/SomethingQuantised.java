package io.github.steelyard.audit;

import io.github.steelyard.census.LauncherState;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.dialect.CacheNames;
import io.github.steelyard.dialect.StoredNames;

/// A checkpoint of plain values passes every other check, and says nothing of a quantization that was meant.
record SomethingQuantised() implements Check {

    @Override
    public void run(Subject subject, Findings findings) {
        boolean any = LauncherState.isIn(subject.checkpoint())
                || subject.checkpoint().quantization().problem().isPresent()
                || subject.checkpoint().tensors().values().stream().anyMatch(SomethingQuantised::isQuantised);
        if (!any) {
            findings.here(
                    FindingCode.NOTHING_QUANTISED,
                    subject.checkpoint().directory().toString(),
                    "no weight is stored in a quantised format, and no cache has scales: there is nothing to verify");
        }
    }

    private static boolean isQuantised(TensorInfo tensor) {
        String name = tensor.name();
        return switch (tensor.dtype()) {
            case F8_E4M3, F8_E5M2, U8, F4, I8 -> true;
            case BOOL, F6_E2M3, F6_E3M2, F8_E8M0, I16, U16, F16, BF16, I32, U32, F32, C64, F64, I64, U64 ->
                StoredNames.isPacked(name) || CacheNames.isOfKeys(name);
        };
    }
}
