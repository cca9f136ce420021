package io.github.steelyard.quant;

import io.github.steelyard.format.Format;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.RowSource;
import io.github.steelyard.site.Site;
import io.github.steelyard.site.Tap;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The tap that quantises and dequantises in place at every site that has a quantizer, and leaves the rest alone.
public final class FakeQuantizingTap implements Tap {

    private final Map<Site, FakeQuantizer> quantizers;
    private final boolean outputs; // whether any is one of an output

    /// @param quantizers the quantizer of each quantised site
    public FakeQuantizingTap(Map<Site, FakeQuantizer> quantizers) {
        this.quantizers = Map.copyOf(quantizers);
        outputs = quantizers.keySet().stream().anyMatch(site -> site.role() == Role.OUTPUT);
    }

    @Override
    public void rows(List<Site> sites, RowSource source, float[] values, int offset, int rows, int columns) {
        Site first = sites.getFirst();
        if (quantizers.containsKey(first)) {
            quantizers.get(first).apply(values, offset, rows, columns);
        }
    }

    @Override
    public boolean watches(Role role) {
        return role != Role.OUTPUT || outputs;
    }

    @Override
    public boolean alters() {
        return true;
    }

    @Override
    public List<List<Site>> partition(List<Site> sites) {
        Map<Optional<Quantization>, List<Site>> alike = new LinkedHashMap<>();
        for (Site site : sites) {
            Optional<Quantization> key = Optional.ofNullable(quantizers.get(site))
                    .map(q -> new Quantization(q.format(), q.format().hasTensorScale() ? q.amax() : 0, q.factors()));
            alike.computeIfAbsent(key, absent -> new ArrayList<>()).add(site);
        }
        return List.copyOf(alike.values());
    }

    private record Quantization(Format format, float amax, Optional<ChannelFactors> factors) {}
}
