package io.github.steelyard.difference;

import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/// How two things of one kind differ. Whatever is equal is only counted.
public sealed interface Difference {

    /// Returns whether nothing differs.
    boolean equal();

    /// A key that has not the same value in both.
    ///
    /// @param key its path, dots between
    /// @param a its value in the first; empty if it is not there
    /// @param b that in the second
    record Key(String key, Optional<String> a, Optional<String> b) {}

    /// Two runs.
    ///
    /// @param a directory of the first
    /// @param b that of the second
    /// @param keys what they were made of: digests of the inputs, numbers of sequences and tokens, settings
    /// @param equalSites how many sites have the same numbers in both
    /// @param added sites that only the second has
    /// @param missing sites that only the first has
    /// @param different the other sites, in natural order
    record Runs(
            Path a,
            Path b,
            List<Key> keys,
            int equalSites,
            List<String> added,
            List<String> missing,
            List<SiteChange> different)
            implements Difference {

        public Runs {
            keys = List.copyOf(keys);
            added = List.copyOf(added);
            missing = List.copyOf(missing);
            different = List.copyOf(different);
        }

        @Override
        public boolean equal() {
            return keys.isEmpty() && added.isEmpty() && missing.isEmpty() && different.isEmpty();
        }
    }

    /// A site that is not the same in two runs, with what `stats` says of it in each.
    ///
    /// @param site its name
    /// @param amaxRatio amax in the second by that in the first; empty unless both are above 0
    /// @param scaleAmaxRatio the same of the amax that the written scale is made from
    /// @param a its numbers in the first
    /// @param b those in the second
    record SiteChange(
            String site, Optional<Double> amaxRatio, Optional<Double> scaleAmaxRatio, SiteNumbers a, SiteNumbers b) {}

    /// What one run says of a site.
    ///
    /// @param amax in the tensor's own units; empty without any
    /// @param tokens tokens that were seen
    /// @param provenance where the amax comes from
    /// @param scaleAmax what the written scale is made from; empty where there is none
    /// @param scaleProvenance where that comes from
    record SiteNumbers(
            Optional<Float> amax,
            long tokens,
            String provenance,
            Optional<Float> scaleAmax,
            Optional<String> scaleProvenance) {}

    /// Two checkpoints.
    ///
    /// @param a directory of the first
    /// @param b that of the second
    /// @param source directory of what both were made from, if that was given
    /// @param configs keys of `config.json` and `hf_quant_config.json`, each after the file's name
    /// @param equalTensors how many tensors have the same type, shape and bytes
    /// @param added tensors that only the second has
    /// @param missing tensors that only the first has
    /// @param different the other tensors
    /// @param formats how many modules are stored in which pair of formats: `nvfp4`, or `bf16 -> nvfp4`
    /// @param modules weights of which anything differs; with a source all that are quantised in either
    record Checkpoints(
            Path a,
            Path b,
            Optional<Path> source,
            List<Key> configs,
            int equalTensors,
            List<String> added,
            List<String> missing,
            List<TensorChange> different,
            SortedMap<String, Integer> formats,
            List<ModuleChange> modules)
            implements Difference {

        public Checkpoints {
            configs = List.copyOf(configs);
            added = List.copyOf(added);
            missing = List.copyOf(missing);
            different = List.copyOf(different);
            formats = Collections.unmodifiableSortedMap(new TreeMap<>(formats));
            modules = List.copyOf(modules);
        }

        @Override
        public boolean equal() {
            return configs.isEmpty() && added.isEmpty() && missing.isEmpty() && different.isEmpty();
        }
    }

    /// A tensor that is not the same in two checkpoints.
    ///
    /// @param tensor its name
    /// @param a type and shape in the first
    /// @param b those in the second
    /// @param elements its elements as they are stored
    /// @param changed how many have other bits; empty where type or shape differs
    record TensorChange(String tensor, String a, String b, long elements, Optional<Long> changed) {}

    /// A weight that is not the same in two checkpoints.
    ///
    /// @param module its name
    /// @param formatA how the first stores it
    /// @param formatB how the second does
    /// @param codes its codes, or values where it is not quantised; empty with the next three where the two do not
    ///     store it in the same tensors
    /// @param codesChanged how many of these have other bits
    /// @param scales its scales, of the input too
    /// @param scalesChanged how many of these have other bits
    /// @param sqnrDb the second against the first, both decoded, in dB; empty where the values are the same
    /// @param sourceSqnrDbA the first against the source; empty without one
    /// @param sourceSqnrDbB the second against the source
    record ModuleChange(
            String module,
            String formatA,
            String formatB,
            Optional<Long> codes,
            Optional<Long> codesChanged,
            Optional<Long> scales,
            Optional<Long> scalesChanged,
            Optional<Double> sqnrDb,
            Optional<Double> sourceSqnrDbA,
            Optional<Double> sourceSqnrDbB) {}

    /// Two recipes, on one model.
    ///
    /// @param a the first
    /// @param b the second
    /// @param checkpoint directory of the model
    /// @param keys what they say beside rules
    /// @param equalDecisions for how many sites both decide the same
    /// @param different the other sites, in the model's order
    record Recipes(
            String a, String b, Path checkpoint, List<Key> keys, int equalDecisions, List<DecisionChange> different)
            implements Difference {

        public Recipes {
            keys = List.copyOf(keys);
            different = List.copyOf(different);
        }

        @Override
        public boolean equal() {
            return keys.isEmpty() && different.isEmpty();
        }
    }

    /// A site for which two recipes decide differently.
    ///
    /// @param site its name
    /// @param a the quantizer of the first: its attributes, `off`, or `as stored`
    /// @param ruleA place and pattern of the rule that decides so; empty if none matches
    /// @param b the quantizer of the second
    /// @param ruleB its rule
    record DecisionChange(String site, String a, Optional<String> ruleA, String b, Optional<String> ruleB) {}
}
