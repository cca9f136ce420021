package io.github.steelyard.report;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// A [ServingPlan] for people: layers with the same answer are told once.
final class ServingText {

    private ServingText() {}

    static List<String> lines(ServingPlan plan) {
        List<String> lines = new ArrayList<>();
        lines.add("serving: %s on %s, with %s"
                .formatted(
                        plan.engine(),
                        plan.device(),
                        plan.libraries().isEmpty() ? "no optional library" : String.join(", ", plan.libraries())));
        boolean changed = !groups(plan.layers())
                .keySet()
                .equals(groups(plan.sourceLayers()).keySet());
        if (changed) {
            lines.add("  as the checkpoint is, which a fake-quantised engine runs:");
            groups(plan.sourceLayers()).values().forEach(layers -> lines.addAll(group(layers)));
            lines.add("  as the recipe makes it:");
        }
        groups(plan.layers()).values().forEach(layers -> lines.addAll(group(layers)));
        if (plan.layers().isEmpty()) {
            lines.add("  no mixture-of-experts layer");
        } else if (!plan.fakeQuantFlags().isEmpty()) {
            lines.add("  fake quantization: launch with " + String.join(" ", plan.fakeQuantFlags()));
        }
        plan.problems().forEach(problem -> lines.add("  problem: " + problem));
        plan.unusedRequests().forEach(request -> lines.add("  without effect, no layer has the format: " + request));
        plan.fakeQuantAdvice().forEach(advice -> lines.add("  fake quantization: " + advice));
        return lines;
    }

    private static Map<List<Object>, List<ServingPlan.Layer>> groups(List<ServingPlan.Layer> layers) {
        Map<List<Object>, List<ServingPlan.Layer>> alike = new LinkedHashMap<>();
        layers.forEach(layer ->
                alike.computeIfAbsent(key(layer), key -> new ArrayList<>()).add(layer));
        return alike;
    }

    private static List<Object> key(ServingPlan.Layer layer) {
        return List.of(
                layer.served(),
                String.valueOf(layer.backend()),
                String.valueOf(layer.expertClass()),
                String.valueOf(layer.reason()),
                layer.problems());
    }

    private static List<String> group(List<ServingPlan.Layer> layers) {
        ServingPlan.Layer one = layers.getFirst();
        List<String> lines = new ArrayList<>();
        lines.add("  layers %s: %s"
                .formatted(ranges(layers.stream().map(ServingPlan.Layer::layer).toList()), one.served()));
        if (one.backend() == null) {
            lines.add("    refused, %s: %s".formatted(one.error(), one.reason()));
        } else {
            lines.add("    %s%s"
                    .formatted(one.backend(), one.expertClass() == null ? "" : " (" + one.expertClass() + ")"));
            lines.add("    w13 input:    " + one.w13Input());
            lines.add("    w2 input:     " + one.w2Input());
            lines.add("    input scales: " + one.inputScales());
        }
        spread(layers).forEach(line -> lines.add("    " + line));
        one.problems().forEach(problem -> lines.add("    problem: " + problem));
        one.rejected().forEach(rejected -> lines.add("    rejected: " + rejected));
        one.notes().forEach(note -> lines.add("    note: " + note));
        return lines;
    }

    private static List<String> spread(List<ServingPlan.Layer> layers) {
        List<String> lines = new ArrayList<>();
        for (String product : List.of("w13", "w2")) {
            layers.stream()
                    .map(layer -> layer.spread().get(product))
                    .filter(found -> found != null)
                    .max(Comparator.comparingDouble(ServingPlan.Spread::maximumOverMedian))
                    .ifPresent(worst -> lines.add(String.format(
                            Locale.ROOT,
                            "%s amax: the largest expert is up to %.2f times the median one (%d of %d experts measured)",
                            product,
                            worst.maximumOverMedian(),
                            worst.measured(),
                            worst.experts())));
        }
        return lines;
    }

    /// Writes ascending numbers as ranges: `0-3, 5`.
    static String ranges(List<Integer> numbers) {
        StringBuilder text = new StringBuilder();
        int from = numbers.getFirst();
        int last = from;
        for (int number : numbers.subList(1, numbers.size())) {
            if (number != last + 1) {
                append(text, from, last);
                from = number;
            }
            last = number;
        }
        append(text, from, last);
        return text.toString();
    }

    private static void append(StringBuilder text, int from, int to) {
        text.append(text.isEmpty() ? "" : ", ").append(from == to ? "" + from : from + "-" + to);
    }
}
