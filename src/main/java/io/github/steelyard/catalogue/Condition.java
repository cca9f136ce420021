package io.github.steelyard.catalogue;

import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;

/// A condition of the catalogue language: a closed vocabulary, so that a new engine snapshot is a file and no code.
/// `docs/SERVING.md` lists the words.
public sealed interface Condition {

    /// Holds always.
    Condition ALWAYS = new All(List.of());

    /// Returns whether the condition holds in `scene`.
    boolean holds(Scene scene);

    /// Every one of these holds.
    record All(List<Condition> conditions) implements Condition {
        @Override
        public boolean holds(Scene scene) {
            return conditions.stream().allMatch(condition -> condition.holds(scene));
        }
    }

    /// One of these holds.
    record AnyOf(List<Condition> conditions) implements Condition {
        @Override
        public boolean holds(Scene scene) {
            return conditions.stream().anyMatch(condition -> condition.holds(scene));
        }
    }

    /// This does not hold.
    record Not(Condition condition) implements Condition {
        @Override
        public boolean holds(Scene scene) {
            return !condition.holds(scene);
        }
    }

    /// A name is in a list; an entry that ends in `*` matches every name that starts so.
    record NameIn(Fact.Named fact, List<String> names) implements Condition {
        @Override
        public boolean holds(Scene scene) {
            String found = fact.of(scene);
            return names.stream().anyMatch(name -> matches(name, found));
        }

        private static boolean matches(String pattern, String name) {
            return pattern.endsWith("*")
                    ? name.startsWith(pattern.substring(0, pattern.length() - 1))
                    : pattern.equals(name);
        }
    }

    /// A fact is as wanted.
    record Is(Fact.Held fact, boolean wanted) implements Condition {
        @Override
        public boolean holds(Scene scene) {
            return fact.of(scene) == wanted;
        }
    }

    /// A number is known and lies between two bounds, both included.
    record Within(Fact.Counted fact, int low, int high) implements Condition {
        @Override
        public boolean holds(Scene scene) {
            OptionalInt found = fact.of(scene);
            return found.isPresent() && found.getAsInt() >= low && found.getAsInt() <= high;
        }
    }

    /// A compute capability has the same major version: 103 is of family 100.
    record Family(int capability) implements Condition {
        @Override
        public boolean holds(Scene scene) {
            OptionalInt found = scene.device().capability();
            return scene.request().assumptions().deviceFamilies()
                    && found.isPresent()
                    && found.getAsInt() / 10 == capability / 10;
        }
    }

    /// A number is known and a multiple.
    record MultipleOf(Fact.Counted fact, int divisor) implements Condition {
        @Override
        public boolean holds(Scene scene) {
            OptionalInt found = fact.of(scene);
            return found.isPresent() && found.getAsInt() % divisor == 0;
        }
    }

    /// The intermediate size is a multiple of the weights' group size, or of `least` when that is more.
    record MultipleOfGroup(int least) implements Condition {
        @Override
        public boolean holds(Scene scene) {
            int divisor = Math.max(least, scene.layer().layout().groupSize());
            return scene.layer().size().intermediate() % divisor == 0;
        }
    }

    /// A number is known and one of these.
    record NumberIn(Fact.Counted fact, Set<Integer> numbers) implements Condition {
        @Override
        public boolean holds(Scene scene) {
            OptionalInt found = fact.of(scene);
            return found.isPresent() && numbers.contains(found.getAsInt());
        }
    }

    /// A constant of the clamped SwiGLU is not given, or has this value.
    record SwigluConstant(boolean alpha, double value) implements Condition {
        @Override
        public boolean holds(Scene scene) {
            MoeLayer.Clamp clamp = scene.layer().clamp();
            OptionalDouble found = alpha ? clamp.alpha() : clamp.beta();
            return found.isEmpty() || Math.abs(found.getAsDouble() - value) <= 1e-9 * Math.abs(value);
        }
    }

    /// These libraries are installed.
    record Libraries(Set<String> names) implements Condition {
        @Override
        public boolean holds(Scene scene) {
            return scene.device().libraries().containsAll(names);
        }
    }

    /// An environment variable is set to one of these values.
    record Environment(String name, List<String> values) implements Condition {
        @Override
        public boolean holds(Scene scene) {
            return values.stream().anyMatch(scene.environment(name)::equalsIgnoreCase);
        }
    }
}
