package io.github.steelyard.dossier;

import io.github.steelyard.audit.Verification;
import io.github.steelyard.census.ExportSource;
import io.github.steelyard.census.SourceModule;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.dossier.Dossier.Fact;
import io.github.steelyard.dossier.Dossier.Remark;
import io.github.steelyard.family.Families;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.job.OpenedRun;
import io.github.steelyard.job.VerificationJob;
import io.github.steelyard.job.VerificationRequest;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.plan.Decision;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;

/// Makes the sheet of an export.
final class ExportSheets {

    private static final String PROVENANCE = "steelyard.json";
    private static final String OTHERS = "embedding, norms and all else";
    private static final long BYTES_OF_BF16 = 2;

    private ExportSheets() {}

    /// Returns the sheet of an export.
    ///
    /// @param run the run that it was made from, if that is shown too
    static ExportSheet of(Path directory, Optional<OpenedRun> run) {
        Verification verification = VerificationJob.run(VerificationRequest.of(directory));
        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            Decoder decoder = Families.of(checkpoint);
            Map<String, String> kinds = kinds(decoder);
            List<SourceModule> modules = ExportSource.of(checkpoint, decoder).modules();
            return new ExportSheet(
                    directory.toString(),
                    facts(directory),
                    verification.ok(),
                    verification.formats(),
                    verification.findings().stream().map(Remark::of).toList(),
                    bytes(checkpoint, modules, kinds, run),
                    run.isPresent() ? "source" : "BF16",
                    untouched(modules, kinds, run));
        }
    }

    /// Returns the digest of the statistics that an export was made from.
    static Optional<String> statistics(Path directory) {
        return facts(directory).stream()
                .filter(fact -> fact.name().equals("statistics digest"))
                .map(Fact::value)
                .findFirst();
    }

    private static List<Fact> facts(Path directory) {
        List<Fact> facts = new ArrayList<>();
        Path file = directory.resolve(PROVENANCE);
        if (Files.exists(file)) {
            ConfigJson json = ConfigJson.read(file);
            json.object("tool").ifPresent(tool -> facts.add(new Fact("version", tool.stringOr("version", ""))));
            json.object("inputs")
                    .ifPresent(inputs -> inputs.keysInOrder()
                            .forEach(key -> facts.add(new Fact(key + " digest", inputs.stringOr(key, "")))));
        }
        return facts;
    }

    private static Map<String, String> kinds(Decoder decoder) {
        Map<String, String> kinds = new HashMap<>();
        for (Decoder.Layer layer : decoder.layers()) {
            for (Decoder.Block block : layer.blocks()) {
                block.body()
                        .modules()
                        .forEach(module -> kinds.put(
                                module.name(), kind(module, block.body().kind())));
            }
        }
        kinds.put(decoder.head().name(), "head");
        return kinds;
    }

    private static String kind(ModuleInfo module, String body) {
        return switch (module.kind()) {
            case LINEAR -> module.isExpert() ? "routed experts" : body.equals("moe") ? "moe, beside experts" : body;
            case ROUTER -> "routers";
            case HEAD -> "head";
            case ATTENTION -> body;
        };
    }

    private static List<ExportSheet.Bytes> bytes(
            Checkpoint checkpoint, List<SourceModule> modules, Map<String, String> kinds, Optional<OpenedRun> run) {
        Map<String, Long> after = bytes(checkpoint, modules, kinds);
        Map<String, Long> before = run.map(opened -> bytes(
                        opened.weights().checkpoint(),
                        new ExportSource(opened.weights(), opened.decoder()).modules(),
                        kinds))
                .orElseGet(() -> asBf16(after, modules, kinds));
        SequencedMap<String, Integer> counts = new LinkedHashMap<>();
        modules.forEach(module -> counts.merge(kinds.getOrDefault(module.name(), OTHERS), 1, Integer::sum));
        counts.putIfAbsent(OTHERS, 0);
        return counts.entrySet().stream()
                .map(count -> new ExportSheet.Bytes(
                        count.getKey(),
                        count.getValue(),
                        before.getOrDefault(count.getKey(), 0L),
                        after.getOrDefault(count.getKey(), 0L)))
                .toList();
    }

    private static Map<String, Long> bytes(
            Checkpoint checkpoint, List<SourceModule> modules, Map<String, String> kinds) {
        Map<String, String> owners = new HashMap<>();
        for (SourceModule module : modules) {
            String kind = kinds.getOrDefault(module.name(), OTHERS);
            module.tensorNames().forEach(tensor -> owners.putIfAbsent(tensor, kind));
        }
        Map<String, Long> bytes = new HashMap<>();
        for (TensorInfo tensor : checkpoint.tensors().values()) {
            bytes.merge(owners.getOrDefault(tensor.name(), OTHERS), tensor.byteSize(), Long::sum);
        }
        return bytes;
    }

    private static Map<String, Long> asBf16(
            Map<String, Long> after, List<SourceModule> modules, Map<String, String> kinds) {
        Map<String, Long> bytes = new HashMap<>();
        bytes.put(OTHERS, after.getOrDefault(OTHERS, 0L));
        for (SourceModule module : modules) {
            ModuleInfo info = module.linear().info();
            bytes.merge(
                    kinds.getOrDefault(info.name(), OTHERS),
                    module.sharesEmbedding() ? 0 : BYTES_OF_BF16 * info.rows() * info.columns(),
                    Long::sum);
        }
        return bytes;
    }

    private static List<ExportSheet.Untouched> untouched(
            List<SourceModule> modules, Map<String, String> kinds, Optional<OpenedRun> run) {
        SequencedMap<List<String>, List<String>> groups = new LinkedHashMap<>();
        for (SourceModule module : modules) {
            if (module.isPlain()) {
                String rule =
                        run.map(opened -> rule(opened, module.linear().info())).orElse("");
                groups.computeIfAbsent(
                                List.of(rule, kinds.getOrDefault(module.name(), OTHERS)), absent -> new ArrayList<>())
                        .add(module.name());
            }
        }
        return groups.entrySet().stream()
                .map(group -> new ExportSheet.Untouched(
                        Optional.of(group.getKey().getFirst()).filter(rule -> !rule.isEmpty()),
                        group.getKey().getLast(),
                        group.getValue().size(),
                        group.getValue().getFirst()))
                .toList();
    }

    private static String rule(OpenedRun run, ModuleInfo module) {
        if (module.kind() == ModuleInfo.Kind.ROUTER) {
            return "routers are never quantised";
        }
        return run.plan()
                .decision(new Site(module.name(), Role.WEIGHT))
                .flatMap(Decision::rule)
                .map(rule -> rule.place() + ": " + rule.pattern())
                .orElse("no rule matches");
    }
}
