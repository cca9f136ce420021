package io.github.steelyard.catalogue;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;

/// The words of the condition language that name something in a [Scene]. A word is the constant's name in lower case
/// with hyphens.
final class Fact {

    private Fact() {}

    private static String word(Enum<?> fact) {
        return fact.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /// Facts that are names, compared with a list of names.
    enum Named {
        PLATFORM,
        ARCH,
        CPU,
        OS,
        ACTIVATION,
        WEIGHT,
        INPUT,
        ALL2ALL,
        ROUTING,
        LOGITS,
        DTYPE,
        LAYOUT;

        String of(Scene scene) {
            return switch (this) {
                case PLATFORM -> scene.device().platform();
                case ARCH -> scene.device().arch();
                case CPU -> scene.device().cpu();
                case OS -> scene.device().os();
                case ACTIVATION -> scene.layer().activation();
                case WEIGHT -> scene.weight();
                case INPUT -> scene.input();
                case ALL2ALL -> scene.deployment().all2all();
                case ROUTING -> scene.layer().router().method();
                case LOGITS -> scene.layer().router().logits();
                case DTYPE -> scene.layer().dtype();
                case LAYOUT -> scene.layer().layout().name();
            };
        }

        static Optional<Named> of(String word) {
            return Arrays.stream(values())
                    .filter(fact -> word(fact).equals(word))
                    .findFirst();
        }
    }

    /// Facts that hold or do not.
    enum Held {
        EPLB,
        SEQUENCE_PARALLEL,
        EXPERT_PARALLEL,
        GATED,
        LORA,
        BIAS,
        SHARED_EXPERTS,
        ALLOW_CUTLASS,
        DEEPSEEK_V4,
        SWIGLU_LIMIT,
        AMX,
        ZERO_POINTS,
        EXPERT_BIAS,
        ACTIVATION_ORDER;

        boolean of(Scene scene) {
            return switch (this) {
                case EPLB -> scene.deployment().eplb();
                case SEQUENCE_PARALLEL -> scene.deployment().sequenceParallel();
                case EXPERT_PARALLEL -> scene.deployment().expertParallel();
                case GATED -> scene.layer().gated();
                case LORA -> scene.layer().traits().lora();
                case BIAS -> scene.layer().traits().bias();
                case SHARED_EXPERTS -> scene.layer().traits().sharedExperts();
                case ALLOW_CUTLASS -> scene.layer().traits().allowVllmCutlass();
                case DEEPSEEK_V4 -> scene.layer().traits().deepseekV4();
                case SWIGLU_LIMIT -> scene.layer().clamp().limit().isPresent();
                case AMX -> scene.device().amx();
                case ZERO_POINTS -> scene.layer().layout().zeroPoints();
                case EXPERT_BIAS -> scene.layer().layout().bias();
                case ACTIVATION_ORDER -> scene.layer().layout().activationOrder();
            };
        }

        static Optional<Held> of(String word) {
            return Arrays.stream(values())
                    .filter(fact -> word(fact).equals(word))
                    .findFirst();
        }
    }

    /// Facts that are numbers; an unknown number satisfies no condition.
    enum Counted {
        CAPABILITY,
        DP,
        EP,
        HIDDEN,
        INTERMEDIATE,
        EXPERTS,
        /// Experts rounded up to a multiple of 32.
        PADDED_EXPERTS,
        GROUP_SIZE;

        OptionalInt of(Scene scene) {
            MoeLayer.Size size = scene.layer().size();
            return switch (this) {
                case CAPABILITY -> scene.device().capability();
                case DP -> OptionalInt.of(scene.deployment().dp());
                case EP -> OptionalInt.of(scene.deployment().ep());
                case HIDDEN -> OptionalInt.of(size.hidden());
                case INTERMEDIATE -> OptionalInt.of(size.intermediate());
                case EXPERTS -> OptionalInt.of(size.experts());
                case PADDED_EXPERTS -> OptionalInt.of(Math.ceilDiv(size.experts(), 32) * 32);
                case GROUP_SIZE -> OptionalInt.of(scene.layer().layout().groupSize());
            };
        }
    }
}
