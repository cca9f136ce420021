package io.github.steelyard.report;

import io.github.steelyard.catalogue.Deployment;
import io.github.steelyard.dialect.Declaration;
import io.github.steelyard.dialect.QuantizationConfig;
import io.github.steelyard.format.Format;
import io.github.steelyard.mixer.Attention;
import io.github.steelyard.mixer.AttentionCore;
import io.github.steelyard.mixer.GatedDeltaNet;
import io.github.steelyard.mixer.LatentAttention;
import io.github.steelyard.mixer.Mamba2;
import io.github.steelyard.model.Body;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.Linear;
import io.github.steelyard.model.LinearGroup;
import io.github.steelyard.moe.DenseMlp;
import io.github.steelyard.moe.SharedExpert;
import io.github.steelyard.moe.SparseMoe;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.site.ModuleInfo;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// Holds what tensor parallelism cuts against the blocks that share a scale: an engine's loader refuses a weight of
/// which a rank would get a part of a block. First products are cut along their outputs, second products along their
/// inputs. Source: VLLM, `validate_fp8_block_shape` and the loaders of its formats (`docs/SERVING.md`).
///
/// @param quantization what the checkpoint declares
/// @param plan the recipe's decisions; empty: the checkpoint stays as it is
/// @param deployment how the model is spread
record ShardChecks(QuantizationConfig quantization, Optional<Plan> plan, Deployment deployment) {

    private static final Block NONE = new Block("", 1, 1);

    /// The extent of what shares a scale: output features, and input features.
    private record Block(String format, int rows, int columns) {

        static Block of(Format format, String name) {
            int rows = Math.max(1, format.tile());
            return new Block(name, rows, Math.max(rows, format.block()));
        }
    }

    /// Returns what is wrong outside the routed experts; layers that say the same are told once.
    List<String> problems(Decoder decoder) {
        Map<String, Integer> counts = new LinkedHashMap<>();
        if (deployment.tp() > 1) {
            decoder.layers().stream()
                    .flatMap(layer -> layer.blocks().stream())
                    .flatMap(block -> ofBody(block.body()).stream())
                    .forEach(problem -> counts.merge(problem, 1, Integer::sum));
        }
        return counts.entrySet().stream()
                .map(problem -> String.format(Locale.ROOT, "%s (%d module(s))", problem.getKey(), problem.getValue()))
                .toList();
    }

    /// Returns what is wrong with routed experts whose intermediate features are cut.
    Optional<String> ofExperts(SparseMoe moe) {
        ModuleInfo second = moe.experts().getFirst().w2().members().getFirst().info();
        int shards = deployment.expertShards();
        Block block = block(second);
        boolean whole = second.stacked().isPresent() && block.format().equals("MXFP4"); // cut block by block
        if (second.columns() % shards != 0 || shards == 1 || whole) {
            return Optional.empty();
        }
        int part = second.columns() / shards;
        int rows = block(moe.experts().getFirst().w13().members().getFirst().info())
                .rows();
        return Optional.of(block)
                .filter(b -> part % b.columns() != 0 || part % rows != 0)
                .map(b -> String.format(
                        Locale.ROOT,
                        "%d intermediate features over %d ranks are %d each, no multiple of the %d that share a scale in %s",
                        second.columns(),
                        shards,
                        part,
                        Math.max(b.columns(), rows),
                        b.format()));
    }

    private List<String> ofBody(Body body) {
        List<String> problems = new ArrayList<>();
        switch (body) {
            case Attention attention -> {
                heads(attention.module(), attention.core(), problems);
                outputs(attention.qkv(), attention.core().keyHeads(), problems);
                inputs(attention.output(), problems);
            }
            case LatentAttention attention -> {
                heads(attention.module(), attention.core(), problems);
                if (attention.queryLatent().isEmpty()) {
                    outputs(LinearGroup.of(attention.first().members().getFirst()), deployment.tp(), problems);
                }
                attention.queryLatent().ifPresent(query -> outputs(query.up(), deployment.tp(), problems));
                outputs(attention.latentUp(), deployment.tp(), problems);
                inputs(attention.output(), problems);
            }
            case DenseMlp mlp -> mlp(mlp, problems);
            case GatedDeltaNet net -> inputs(net.output(), problems);
            case Mamba2 mamba -> inputs(mamba.output(), problems);
            case SparseMoe moe -> moe.shared().map(SharedExpert::mlp).ifPresent(mlp -> mlp(mlp, problems));
            default -> {} // a body of some other package is not cut as far as is known
        }
        return problems;
    }

    /// Heads are never cut; those of keys and values are repeated where there are more ranks.
    private void heads(ModuleInfo module, AttentionCore core, List<String> problems) {
        int keys = core.keyHeads();
        boolean divides =
                core.heads() % deployment.tp() == 0 && (keys % deployment.tp() == 0 || deployment.tp() % keys == 0);
        if (!divides) {
            problems.add(String.format(
                    Locale.ROOT,
                    "%s: %d heads with %d of keys do not divide over %d ranks",
                    pattern(module),
                    core.heads(),
                    keys,
                    deployment.tp()));
        }
    }

    private static String pattern(ModuleInfo module) {
        return module.name().replaceAll("\\.[0-9]+(?=\\.)", ".*");
    }

    private void mlp(DenseMlp mlp, List<String> problems) {
        outputs(mlp.first(), deployment.tp(), problems);
        inputs(mlp.down(), problems);
    }

    /// Checks products that are cut along their outputs. Keys and values are not cut into less than a head.
    private void outputs(LinearGroup group, int keyHeads, List<String> problems) {
        for (Linear linear : group.members()) {
            boolean keys = !linear.equals(group.members().getFirst());
            int ranks = keys ? Math.min(deployment.tp(), keyHeads) : deployment.tp();
            check(
                    linear.info(),
                    "output",
                    linear.info().rows(),
                    ranks,
                    block(linear.info()).rows(),
                    problems);
        }
    }

    private void inputs(LinearGroup group, List<String> problems) {
        for (Linear linear : group.members()) {
            check(
                    linear.info(),
                    "input",
                    linear.info().columns(),
                    deployment.tp(),
                    block(linear.info()).columns(),
                    problems);
        }
    }

    private void check(ModuleInfo module, String what, int features, int ranks, int block, List<String> problems) {
        String name = pattern(module);
        if (features % ranks != 0) {
            problems.add(String.format(
                    Locale.ROOT, "%s: %d %s features do not divide over %d ranks", name, features, what, ranks));
        } else if (features / ranks % block != 0) {
            problems.add(String.format(
                    Locale.ROOT,
                    "%s: %d %s features over %d ranks are %d each, no multiple of the %d that share a scale in %s",
                    name,
                    features,
                    what,
                    ranks,
                    features / ranks,
                    block,
                    block(module).format()));
        }
    }

    private Block block(ModuleInfo module) {
        return plan.flatMap(p -> p.scheme(module.name()).weight())
                .map(format -> Block.of(format, format.name()))
                .or(() -> quantization.declarationOf(module.name()).map(ShardChecks::declared))
                .orElse(NONE);
    }

    private static Block declared(Declaration declared) {
        Block usual = Block.of(declared.format(), declared.label());
        if (declared.format().tile() > 0 && declared.blockRows() > 0) {
            return new Block(usual.format, declared.blockRows(), declared.blockColumns());
        }
        boolean group = declared.format().coding() == Format.Coding.INTEGERS && declared.groupSize() > 0;
        return group ? new Block(usual.format, 1, declared.groupSize()) : usual;
    }
}
