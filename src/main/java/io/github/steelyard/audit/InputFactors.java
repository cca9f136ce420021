package io.github.steelyard.audit;

import io.github.steelyard.dialect.QuantAlgo;
import io.github.steelyard.family.TensorCensus;
import java.util.List;

/// Inputs that are multiplied by factors of their channels before they are quantised, as AWQ leaves them.
record InputFactors() implements Check {

    @Override
    public void run(Subject subject, Findings findings) {
        List<String> tensors = TensorCensus.inputFactors(subject.checkpoint());
        for (String tensor : tensors) {
            findings.each(
                    FindingCode.INPUT_FACTORS,
                    "inputs are multiplied by factors of their channels (%s): no calibration begins from that, and vLLM does not load it"
                            .formatted(TensorCensus.algorithmOf(subject.checkpoint(), tensor)
                                    .map(QuantAlgo::word)
                                    .orElseThrow()),
                    tensor);
        }
    }
}
