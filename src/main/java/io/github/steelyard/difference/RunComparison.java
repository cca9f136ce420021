package io.github.steelyard.difference;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.steelyard.difference.Difference.SiteChange;
import io.github.steelyard.difference.Difference.SiteNumbers;
import io.github.steelyard.files.NaturalOrder;
import io.github.steelyard.job.FinishedRun;
import io.github.steelyard.job.JobListener;
import io.github.steelyard.job.StatisticsJob;
import io.github.steelyard.report.StatsJson;
import io.github.steelyard.run.Manifest;
import io.github.steelyard.run.RunDirectory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/// Compares what `stats` says of two runs.
final class RunComparison {

    private RunComparison() {}

    static Difference.Runs of(Path a, Path b, Optional<Path> checkpoint, JobListener listener) {
        SortedMap<String, SiteNumbers> ours = sites(a, checkpoint, listener);
        SortedMap<String, SiteNumbers> theirs = sites(b, checkpoint, listener);
        TreeSet<String> names = new TreeSet<>(NaturalOrder.INSTANCE);
        names.addAll(ours.keySet());
        names.addAll(theirs.keySet());
        int equal = 0;
        List<String> added = new ArrayList<>();
        List<String> missing = new ArrayList<>();
        List<SiteChange> different = new ArrayList<>();
        for (String name : names) {
            SiteNumbers one = ours.get(name);
            SiteNumbers other = theirs.get(name);
            if (one == null) {
                added.add(name);
            } else if (other == null) {
                missing.add(name);
            } else if (one.equals(other)) {
                equal++;
            } else {
                different.add(new SiteChange(
                        name, ratio(one.amax(), other.amax()), ratio(one.scaleAmax(), other.scaleAmax()), one, other));
            }
        }
        return new Difference.Runs(a, b, JsonLeaves.against(origins(a), origins(b)), equal, added, missing, different);
    }

    private static Optional<Double> ratio(Optional<Float> one, Optional<Float> other) {
        return one.filter(amax -> amax > 0)
                .flatMap(amax -> other.filter(second -> second > 0).map(second -> (double) second / amax));
    }

    private static SortedMap<String, SiteNumbers> sites(Path run, Optional<Path> checkpoint, JobListener listener) {
        FinishedRun finished =
                checkpoint.map(FinishedRun.at(run)::withCheckpoint).orElseGet(() -> FinishedRun.at(run));
        StatisticsJob.Result found = StatisticsJob.run(finished, listener);
        JsonNode json = (JsonNode) StatsJson.of(found.statistics(), found.scales(), found.adapters(), found.draws());
        SortedMap<String, SiteNumbers> sites = new TreeMap<>(NaturalOrder.INSTANCE);
        for (JsonNode site : json.get("sites")) {
            sites.put(
                    site.get("site").textValue(),
                    new SiteNumbers(
                            number(site, "amax"),
                            site.get("tokens").longValue(),
                            site.get("provenance").textValue(),
                            number(site, "scale_amax"),
                            Optional.ofNullable(site.get("scale_provenance")).map(JsonNode::textValue)));
        }
        return sites;
    }

    private static Optional<Float> number(JsonNode site, String key) {
        return Optional.ofNullable(site.get(key)).filter(JsonNode::isNumber).map(JsonNode::floatValue);
    }

    private static SortedMap<String, String> origins(Path directory) {
        Manifest manifest = RunDirectory.open(directory).manifest();
        SortedMap<String, String> keys = new TreeMap<>();
        keys.put("checkpoint", manifest.checkpoint().digest());
        keys.put("recipe", manifest.recipe().digest());
        keys.put("data", manifest.data().digest());
        keys.put("sequences", Long.toString(manifest.sequences()));
        keys.put("tokens", Long.toString(manifest.tokens()));
        manifest.settings().forEach((key, value) -> keys.put("settings." + key, value));
        manifest.solved().forEach((key, value) -> keys.put("solved." + key, value));
        return keys;
    }
}
