package io.github.steelyard.catalogue;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;

/// The backend table of one weight format, as a catalogue file gives it.
///
/// @param name the table's name in the file
/// @param format the weight format it serves
/// @param when the layers of that format it serves; the first table of a file that fits is used
/// @param label how messages call the format's layers: `FP8 MoE`
/// @param weight weight key when a request gives none; empty: unquantised
/// @param input input key when a request gives none; empty: unquantised
/// @param inputRule how backends and input keys go together
/// @param names user-facing names, each with the backends it stands for
/// @param autoNames names that leave the choice to the engine
/// @param batchedNames names that ask for the batched row format
/// @param ignoresRequest whether the engine ignores a requested backend for this format
/// @param backends the backends by name
/// @param first what is tried before anything else
/// @param priority starting orders; the first whose condition holds
/// @param reorder changes of the starting order, in order
/// @param restrictions backends that a condition rules out
/// @param environment rules of environment variables, in order
/// @param last what is tried when no candidate is left
/// @param visible names to ask for when the w2 input must be seen, best first
/// @param rounding sizes that a backend rounds a layer up to
/// @param messages the engine's messages
public record OracleTable(
        String name,
        String format,
        Condition when,
        String label,
        String weight,
        String input,
        InputRule inputRule,
        SequencedMap<String, List<String>> names,
        Set<String> autoNames,
        Set<String> batchedNames,
        boolean ignoresRequest,
        SequencedMap<String, Backend> backends,
        List<Guarded> first,
        List<Priority> priority,
        List<Reorder> reorder,
        List<Restriction> restrictions,
        List<VariableRule> environment,
        List<Guarded> last,
        List<String> visible,
        List<Rounding> rounding,
        Wording messages) {

    /// How backends and input keys go together.
    ///
    /// @param fromBackend whether each backend fixes the input key
    /// @param filtered whether candidates are filtered by the requested input key
    /// @param exempt backends that the filter leaves alone
    public record InputRule(boolean fromBackend, boolean filtered, Set<String> exempt) {}

    /// One backend of a table.
    ///
    /// @param name the backend's name
    /// @param display its name in the engine's messages
    /// @param experts its expert classes, in the order in which they are tried
    /// @param loraExperts classes tried besides when LoRA is served
    /// @param batched the backend that takes its place when rows arrive batched
    /// @param input the input key it computes with
    /// @param inputScales what it does with calibrated input scales
    /// @param refuse what rules it out before its classes are looked at
    public record Backend(
            String name,
            String display,
            List<String> experts,
            List<String> loraExperts,
            Optional<String> batched,
            String input,
            InputScales inputScales,
            List<ExpertClass.Check> refuse) {}

    /// A starting order.
    ///
    /// @param when the condition
    /// @param order backends, best first
    public record Priority(Condition when, List<String> order) {}

    /// A change of the starting order.
    ///
    /// @param when the condition
    /// @param front backends moved to the front, one after the other
    /// @param back backends moved to the back, one after the other
    public record Reorder(Condition when, List<String> front, List<String> back) {}

    /// Backends that a condition rules out.
    ///
    /// @param when the condition
    /// @param drop backends ruled out
    /// @param reason why, in a few words
    /// @param requested message when one of them was requested
    /// @param environment message when an environment variable forces one of them; empty: it may
    public record Restriction(
            Condition when, List<String> drop, String reason, String requested, Optional<String> environment) {}

    /// A rule of one or more on/off environment variables. It acts when any of them is set; it is on when all are.
    ///
    /// @param flags the variables, each with its value when not set
    /// @param offWhen a condition that switches it off
    /// @param off what happens when it is off
    /// @param on what happens when it is on
    public record VariableRule(Map<String, Boolean> flags, Condition offWhen, List<Guarded> off, List<Guarded> on) {}

    /// An effect under a condition.
    ///
    /// @param when the condition
    /// @param engineOnly whether only the strict reproduction of the engine does this
    /// @param effect what happens
    public record Guarded(Condition when, boolean engineOnly, Effect effect) {}

    /// What a rule does.
    public sealed interface Effect {

        /// Backends are no longer candidates.
        record Drop(List<String> backends) implements Effect {}

        /// One backend is taken, or the selection fails.
        record Force(String backend, String batched) implements Effect {}

        /// Only these backends are tried.
        record Try(List<String> backends, String message) implements Effect {}

        /// The selection fails.
        record Refuse(EngineError kind, String message) implements Effect {}

        /// The platform serves the layer without an expert class.
        record PlatformHandles(String backend) implements Effect {}

        /// One expert class is taken, unchecked or when it supports the layer.
        record Take(String backend, String experts, boolean ifSupported) implements Effect {}

        /// A variable's value decides.
        record ByValue(String variable, SequencedMap<String, List<Guarded>> values, List<Guarded> unset)
                implements Effect {}
    }

    /// Sizes that a backend rounds a layer up to.
    ///
    /// @param backends the backends; empty: all
    /// @param when the condition
    /// @param hidden what the hidden size is rounded up to
    /// @param intermediate what the intermediate size is rounded up to
    public record Rounding(List<String> backends, Condition when, int hidden, int intermediate) {}

    /// The engine's messages.
    ///
    /// @param unsupported when a backend does not support the layer
    /// @param exhausted when no candidate is left
    /// @param exhaustedKind the error of `exhausted`
    public record Wording(String unsupported, String exhausted, EngineError exhaustedKind) {}

    /// Returns a backend by its name.
    ///
    /// @throws IllegalArgumentException if there is none
    public Backend backend(String backend) {
        Backend found = backends.get(backend);
        if (found == null) {
            throw new IllegalArgumentException("backend '%s' is not in table '%s'".formatted(backend, name));
        }
        return found;
    }
}
