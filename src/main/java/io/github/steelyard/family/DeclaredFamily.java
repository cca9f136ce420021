package io.github.steelyard.family;

import io.github.steelyard.blueprint.Blueprint;
import io.github.steelyard.blueprint.Setting;
import io.github.steelyard.blueprint.Switch;
import io.github.steelyard.mixer.Attention;
import io.github.steelyard.mixer.AttentionMask;
import io.github.steelyard.mixer.Rotary;
import io.github.steelyard.model.Body;
import io.github.steelyard.model.Decoder;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;

/// A family that is declared by a file: decoder layers of known blocks.
///
/// @param blueprint what the file says
record DeclaredFamily(Blueprint blueprint) implements Family {

    @Override
    public Set<String> modelTypes() {
        return Set.copyOf(blueprint.types());
    }

    @Override
    public Decoder build(ModelSource source) {
        CommonConfig common = CommonConfig.read(source, Naming.llama(source, blueprint.root()));
        common.requireKeys(blueprint.needs().toArray(String[]::new));
        blueprint.known().forEach((key, values) -> known(source, key, values));
        Settings settings = new Settings(common);
        Blueprint.Heads heads = blueprint.heads();
        if (!heads.windows()) {
            common.requireFullAttention();
        }
        List<AttentionMask> masks = heads.window()
                .map(key -> new AttentionMask(source.config().integerOr(key, 0, 0, Integer.MAX_VALUE), 0))
                .map(mask -> Collections.nCopies(common.layers(), mask))
                .orElseGet(() -> common.windows(false));
        float clip = heads.clip()
                .map(key -> (float) source.number(key, 0, 0, Float.MAX_VALUE))
                .orElse(0f);
        AttentionStyle style = AttentionStyle.of(rotary(common, heads.rotary()))
                .with(new Attention.Variations(clip, false, 0, Attention.Temperature.ONE));
        boolean normed = settings.holds(heads.normed());
        boolean biased = settings.holds(heads.bias());
        boolean outputBiased = settings.holds(heads.outputBias());
        List<Boolean> sparse = sparse(settings);
        DeclaredMoe moe = new DeclaredMoe(common, blueprint.moe());
        LlamaBlocks blocks = new LlamaBlocks(common);
        List<Decoder.Layer> layers = new ArrayList<>();
        for (int layer = 0; layer < common.layers(); layer++) {
            String prefix = common.naming().layer(layer);
            String attention = prefix + ".self_attn";
            AttentionStyle own = style.with(masks.get(layer));
            Body feedForward = sparse.get(layer)
                    ? moe.of(layer)
                    : blocks.mlp(prefix + ".mlp", layer, settings.size(blueprint.dense()), false);
            layers.add(common.layer(
                    layer,
                    blocks.attention(
                            attention,
                            layer,
                            normed ? own.with(norm(blocks, heads, attention)) : own,
                            biased,
                            outputBiased),
                    feedForward));
        }
        return common.decoder(layers);
    }

    /// A value that decides what is computed: a text, a number, true or false.
    private static void known(ModelSource source, String key, List<String> values) {
        String found = source.config().word(key).orElse(values.getFirst());
        if (!values.contains(found)) {
            throw source.config().unsuitable(key, values.size() == 1 ? values.getFirst() : "one of " + values);
        }
    }

    private static Rotary rotary(CommonConfig common, Blueprint.Rotation rotation) {
        double partial = rotation.dimensions()
                .filter(common.config()::has)
                .map(key -> common.config().integer(key, 2, common.headWidth()) / (double) common.headWidth())
                .orElse(rotation.partial());
        return new LlamaBlocks(common).rotary(rotation.theta(), partial, rotation.interleaved());
    }

    private static Attention.HeadNorm norm(LlamaBlocks blocks, Blueprint.Heads heads, String attention) {
        String query = attention + "." + heads.normNames().getFirst();
        String key = attention + "." + heads.normNames().getLast();
        return switch (heads.norm()) {
            case NONE -> new Attention.HeadNorm.None();
            case PER_HEAD -> blocks.perHeadNorm(query, key);
            case ROTATED -> blocks.rotatedNorm(query, key);
            case FULL_WIDTH -> blocks.fullWidthNorm(query, key);
        };
    }

    private List<Boolean> sparse(Settings settings) {
        Blueprint.Sparse sparse = blueprint.sparse();
        CommonConfig common = settings.common();
        List<Integer> listed = sparse.dense().map(common.config()::integers).orElse(List.of());
        List<String> types = sparse.types().map(common::layerTypes).orElse(List.of());
        int first = settings.count(sparse.first(), 0, Integer.MAX_VALUE);
        int last = settings.count(sparse.last(), -1, Integer.MAX_VALUE);
        int every = settings.count(sparse.every(), 1, CommonConfig.MAX_LAYERS);
        List<Boolean> answers = new ArrayList<>();
        for (int layer = 0; layer < common.layers(); layer++) {
            boolean counted = (sparse.counted() ? layer + 1 : layer) % every == 0;
            boolean inside = layer >= first && (last < 0 || layer <= last);
            answers.add(
                    types.isEmpty()
                            ? counted && inside && !listed.contains(layer)
                            : isSparse(common, sparse.types().orElseThrow(), types.get(layer)));
        }
        return answers;
    }

    private static boolean isSparse(CommonConfig common, String key, String type) {
        return switch (type) {
            case "sparse" -> true;
            case "dense" -> false;
            default -> throw common.config().unsuitable(key, "sparse or dense only");
        };
    }

    /// What a config says of settings.
    ///
    /// @param common the config
    record Settings(CommonConfig common) {

        /// Returns a width.
        int size(Setting setting) {
            return count(setting, 1, CommonConfig.MAX_WIDTH);
        }

        /// Returns an integer in a closed range; each of several keys has to be in it.
        int count(Setting setting, int min, int max) {
            if (!reads(setting)) {
                return (int) setting.otherwise().orElseThrow();
            }
            int product = 1;
            for (String key : setting.keys()) {
                product = Math.multiplyExact(product, common.uniform(key, min, max));
            }
            return product;
        }

        /// Returns a factor.
        float factor(Setting setting) {
            if (!reads(setting)) {
                return (float) setting.otherwise().orElseThrow();
            }
            double product = 1;
            for (String key : setting.keys()) {
                product *= common.source().number(key, 0, 1e6);
            }
            return (float) product;
        }

        boolean holds(Switch answer) {
            return answer.key()
                    .map(key -> common.config().flag(key, answer.otherwise()))
                    .orElse(answer.otherwise());
        }

        private boolean reads(Setting setting) {
            return setting.otherwise().isEmpty()
                    || (!setting.keys().isEmpty() && setting.keys().stream().allMatch(common.config()::has));
        }
    }
}
