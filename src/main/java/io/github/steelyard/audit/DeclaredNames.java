package io.github.steelyard.audit;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.dialect.QuantizationConfig;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.files.Printable;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/// Names and patterns of the quantization config that match nothing.
record DeclaredNames() implements Check {

    /// Names of heads that may have no tensor of their own.
    private static final List<String> TIED_HEADS = List.of("lm_head", "language_model.lm_head", "thinker.lm_head");

    @Override
    public void run(Subject subject, Findings findings) {
        QuantizationConfig config = subject.checkpoint().quantization();
        Findings loosely = config.method().listsLoosely() ? findings.mild() : findings;
        try {
            config.unmatched(modules(subject))
                    .forEach(pattern -> loosely.each(
                            FindingCode.PATTERN_UNMATCHED,
                            "names and patterns of the quantization config that match no module",
                            Printable.of(pattern)));
        } catch (CheckpointException e) {
            findings.add(FindingCode.QUANTIZATION_UNKNOWN, "quantization", e);
        }
        corrupt(subject.checkpoint())
                .forEach(text -> findings.here(
                        FindingCode.PATTERN_CORRUPT,
                        Printable.of(text),
                        "%s: the config excludes it, and no module has such a name: a server takes the module for quantised"
                                .formatted(Printable.quoted(text))));
    }

    private static Set<String> modules(Subject subject) {
        Checkpoint checkpoint = subject.checkpoint();
        Set<String> names = new HashSet<>(subject.stored().names());
        checkpoint.tensors().keySet().forEach(name -> names.add(name.substring(0, Math.max(0, name.lastIndexOf('.')))));
        subject.decoder().ifPresent(model -> model.modules().forEach(module -> names.add(module.name())));
        if (isTied(checkpoint.config())) {
            names.addAll(TIED_HEADS);
        }
        return names;
    }

    private static boolean isTied(ConfigJson config) {
        String key = "tie_word_embeddings";
        try {
            return config.textModel().flag(key, config.flag(key, false));
        } catch (CheckpointException e) {
            return false; // the reading of the model says what is wrong
        }
    }

    /// Returns excluded names with a control character in them. The checkpoint's reader cuts them off there and so
    /// still finds the module that was meant; servers do not.
    private static Set<String> corrupt(Checkpoint checkpoint) {
        Set<String> corrupt = new TreeSet<>();
        try {
            List<ConfigJson> configs = new ArrayList<>();
            checkpoint
                    .json("hf_quant_config.json")
                    .flatMap(file -> file.object("quantization"))
                    .ifPresent(configs::add);
            QuantizationConfig.embedded(checkpoint.config()).ifPresent(configs::add);
            for (ConfigJson config : configs) {
                for (String key : List.of("exclude_modules", "ignore")) {
                    config.strings(key).stream()
                            .filter(text -> text.chars().anyMatch(Character::isISOControl))
                            .forEach(corrupt::add);
                }
            }
        } catch (CheckpointException e) {
            return Set.of(); // told by the reading of the config
        }
        return corrupt;
    }
}
