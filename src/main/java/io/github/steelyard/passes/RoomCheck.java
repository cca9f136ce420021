package io.github.steelyard.passes;

import io.github.steelyard.calibration.Calibrator;
import io.github.steelyard.files.Finding;
import io.github.steelyard.files.Printable;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.range.Headroom;
import io.github.steelyard.site.Site;
import io.github.steelyard.statistics.BlockHistogram;
import io.github.steelyard.statistics.Distribution;
import io.github.steelyard.statistics.Measurement;
import io.github.steelyard.statistics.Statistics;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Whether what was asked to have room above its amax has any.
public final class RoomCheck {

    private RoomCheck() {}

    /// Returns the counted warning of inputs whose amax is that of the upper percentile alone, if there are any.
    public static Optional<Finding> finding(Plan plan, Statistics statistics) {
        Optional<Headroom> headroom =
                Calibrator.headroom(plan.recipe().algorithms().getFirst().method());
        if (headroom.isEmpty()) {
            return Optional.empty();
        }
        List<Site> tight = Calibrator.wanted(plan).entrySet().stream()
                .filter(entry -> entry.getValue().contains(Distribution.BLOCKS))
                .map(Map.Entry::getKey)
                .filter(site -> statistics
                        .at(site)
                        .filter(found -> isTight(headroom.get(), found.routed()))
                        .isPresent())
                .sorted()
                .toList();
        return tight.isEmpty()
                ? Optional.empty()
                : Optional.of(Finding.warning(
                        "no-headroom",
                        "",
                        "%s without room above the amax, since small blocks need it as it is: %s%s"
                                .formatted(
                                        Printable.count(tight.size(), "input"),
                                        tight.getFirst(),
                                        tight.size() > 1 ? " and others" : "")));
    }

    private static boolean isTight(Headroom headroom, Measurement observed) {
        Optional<BlockHistogram> blocks = observed.blocks();
        return observed.amax() > 0 && blocks.isPresent() && !headroom.leavesRoom(blocks.get(), observed.amax());
    }
}
