package io.github.steelyard.report;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.audit.TensorError;
import io.github.steelyard.audit.Verification;

/// A verification for machines.
public final class VerificationJson {

    private VerificationJson() {}

    /// Returns the tree without the findings: `sound`, `formats`, `weight_errors`.
    public static Object of(Verification verification) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("sound", verification.ok());
        ObjectNode counts = json.putObject("formats");
        verification.formats().forEach(counts::put);
        var measured = json.putArray("weight_errors");
        for (TensorError error : verification.errors()) {
            ObjectNode entry = measured.addObject()
                    .put("module", error.module())
                    .put("from", error.from())
                    .put("to", error.to())
                    .put("mse", error.error().mse())
                    .put("max_absolute_error", error.error().maxAbsoluteError());
            double sqnr = error.error().sqnr();
            entry.put("sqnr_db", Double.isFinite(sqnr) ? Double.valueOf(sqnr) : null);
        }
        return json;
    }
}
