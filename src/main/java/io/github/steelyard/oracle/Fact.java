package io.github.steelyard.oracle;

import java.util.Arrays;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Function;
import java.util.function.Predicate;

/// The words of the condition language that name something in a [Scene].
final class Fact {

    private Fact() {}

    /// Facts that are names, compared with a list of names.
    enum Named {
        PLATFORM("platform", scene -> scene.device().platform()),
        ARCH("arch", scene -> scene.device().arch()),
        CPU("cpu", scene -> scene.device().cpu()),
        OS("os", scene -> scene.device().os()),
        ACTIVATION("activation", scene -> scene.layer().activation()),
        WEIGHT("weight", Scene::weight),
        INPUT("input", Scene::input),
        ALL2ALL("all2all", scene -> scene.deployment().exchange()),
        ROUTING("routing", scene -> scene.layer().router().method()),
        LOGITS("logits", scene -> scene.layer().router().logits()),
        DTYPE("dtype", scene -> scene.layer().dtype()),
        LAYOUT("layout", scene -> scene.layer().layout().name());

        private final String word;
        private final Function<Scene, String> value;

        Named(String word, Function<Scene, String> value) {
            this.word = word;
            this.value = value;
        }

        String of(Scene scene) {
            return value.apply(scene);
        }

        static Optional<Named> of(String word) {
            return Arrays.stream(values()).filter(fact -> fact.word.equals(word)).findFirst();
        }
    }

    /// Facts that hold or do not.
    enum Held {
        EPLB("eplb", scene -> scene.deployment().eplb()),
        SEQUENCE_PARALLEL("sequence-parallel", scene -> scene.deployment().sequenceParallel()),
        EXPERT_PARALLEL("expert-parallel", scene -> scene.deployment().expertParallel()),
        GATED("gated", scene -> scene.layer().gated()),
        LORA("lora", scene -> scene.layer().traits().lora()),
        BIAS("bias", scene -> scene.layer().traits().bias()),
        SHARED_EXPERTS("shared-experts", scene -> scene.layer().traits().sharedExperts()),
        ALLOW_CUTLASS("allow-cutlass", scene -> scene.layer().traits().allowVllmCutlass()),
        DEEPSEEK_V4("deepseek-v4", scene -> scene.layer().traits().deepseekV4()),
        SWIGLU_LIMIT("swiglu-limit", scene -> scene.layer().clamp().limit().isPresent()),
        AMX("amx", scene -> scene.device().amx()),
        ZERO_POINTS("zero-points", scene -> scene.layer().layout().zeroPoints()),
        EXPERT_BIAS("expert-bias", scene -> scene.layer().layout().bias()),
        ACTIVATION_ORDER("activation-order", scene -> scene.layer().layout().activationOrder());

        private final String word;
        private final Predicate<Scene> value;

        Held(String word, Predicate<Scene> value) {
            this.word = word;
            this.value = value;
        }

        boolean of(Scene scene) {
            return value.test(scene);
        }

        static Optional<Held> of(String word) {
            return Arrays.stream(values()).filter(fact -> fact.word.equals(word)).findFirst();
        }
    }

    /// Facts that are numbers; an unknown number satisfies no condition.
    enum Counted {
        CAPABILITY(scene -> scene.device().capability()),
        DP(scene -> OptionalInt.of(scene.deployment().dp())),
        EP(scene -> OptionalInt.of(scene.deployment().ep())),
        HIDDEN(scene -> OptionalInt.of(scene.layer().size().hidden())),
        INTERMEDIATE(scene -> OptionalInt.of(scene.layer().size().intermediate())),
        EXPERTS(scene -> OptionalInt.of(scene.layer().size().experts())),
        /// Experts rounded up to a multiple of 32.
        PADDED_EXPERTS(scene -> OptionalInt.of((scene.layer().size().experts() + 31) / 32 * 32)),
        GROUP_SIZE(scene -> OptionalInt.of(scene.layer().layout().groupSize()));

        private final Function<Scene, OptionalInt> value;

        Counted(Function<Scene, OptionalInt> value) {
            this.value = value;
        }

        OptionalInt of(Scene scene) {
            return value.apply(scene);
        }
    }
}
