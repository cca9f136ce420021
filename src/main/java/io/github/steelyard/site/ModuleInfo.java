package io.github.steelyard.site;

import io.github.steelyard.weights.FusedStack;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/// One module that can carry quantizers: what recipes match, exporters write and reports list.
///
/// @param name the module's name in the published checkpoint
/// @param kind what it is
/// @param rows output features; 0 for [Kind#ATTENTION]
/// @param columns input features; for [Kind#ATTENTION] the width of the latent that a server caches in place of keys
///     and values, 0 for none
/// @param layer index of the decoder layer, -1 outside the layers
/// @param expert the product of a routed expert that this is; empty for any other module
/// @param inputGroup names of the modules that read the same input, this one included: `q_proj`, `k_proj`, `v_proj`
/// @param joined names of the modules that servers keep in one matrix with this one, itself included, in their order
///     there: they have one format, and where it has a scale for the whole tensor, one scale
/// @param stacked where servers keep the weights of all experts of a layer in one tensor, this module's place in it
public record ModuleInfo(
        String name,
        Kind kind,
        int rows,
        int columns,
        int layer,
        Optional<ExpertPart> expert,
        List<String> inputGroup,
        List<String> joined,
        Optional<FusedStack.Member> stacked) {

    /// What a module is.
    public enum Kind {
        /// A linear layer that recipes may quantise.
        LINEAR,
        /// A router or another gate: a linear layer that is never quantised by convention, but can be observed.
        ROUTER,
        /// The output head.
        HEAD,
        /// An attention module: carries the key and value cache quantizers.
        ATTENTION
    }

    private static final List<Role> LINEAR = List.of(Role.INPUT, Role.WEIGHT);
    private static final List<Role> CACHE = List.of(Role.KEY, Role.VALUE);
    private static final List<Role> LATENT_CACHE = List.of(Role.KEY, Role.VALUE, Role.LATENT, Role.ROTATED_KEY);

    public ModuleInfo {
        inputGroup = List.copyOf(inputGroup);
        joined = List.copyOf(joined);
    }

    /// A module of no expert that servers know by its own name.
    public ModuleInfo(String name, Kind kind, int rows, int columns, int layer, List<String> inputGroup) {
        this(name, kind, rows, columns, layer, Optional.empty(), inputGroup, List.of(name), Optional.empty());
    }

    /// Returns the same module, which servers join with others.
    ///
    /// @param others names of all that are joined, this one included, in their order there
    public ModuleInfo joinedAs(List<String> others) {
        return new ModuleInfo(name, kind, rows, columns, layer, expert, inputGroup, others, stacked);
    }

    /// Returns the same module as a product of a routed expert.
    public ModuleInfo of(ExpertPart part) {
        return new ModuleInfo(name, kind, rows, columns, layer, Optional.of(part), inputGroup, joined, stacked);
    }

    /// Returns the same module with its place in a tensor of all experts.
    public ModuleInfo in(FusedStack.Member place) {
        return new ModuleInfo(name, kind, rows, columns, layer, expert, inputGroup, joined, Optional.of(place));
    }

    /// Returns whether this module belongs to a routed expert.
    public boolean isExpert() {
        return expert.isPresent();
    }

    /// Returns whether this is an attention that caches a latent in place of keys and values.
    public boolean isLatentAttention() {
        return kind == Kind.ATTENTION && columns > 0;
    }

    /// Returns the two sites that decide how a server holds the cache: keys and values. A recipe may also name what
    /// latent attention really caches; then those two count if keys and values are not `quantised`.
    public List<Site> cacheSites(Predicate<Site> quantised) {
        List<Site> keyAndValue = List.of(new Site(name, Role.KEY), new Site(name, Role.VALUE));
        List<Site> latent = List.of(new Site(name, Role.LATENT), new Site(name, Role.ROTATED_KEY));
        boolean byLatent = isLatentAttention()
                && keyAndValue.stream().noneMatch(quantised)
                && latent.stream().anyMatch(quantised);
        return byLatent ? latent : keyAndValue;
    }

    /// Returns the site of this module's output, if it is a linear layer; no pass shows what the head gives. It is
    /// looked
    /// at where a recipe speaks of outputs, and so is none of [#sites].
    public Optional<Site> output() {
        return kind == Kind.LINEAR ? Optional.of(new Site(name, Role.OUTPUT)) : Optional.empty();
    }

    /// Returns the sites of this module, but that of its output.
    public List<Site> sites() {
        List<Role> roles = kind != Kind.ATTENTION ? LINEAR : columns == 0 ? CACHE : LATENT_CACHE;
        return roles.stream().map(role -> new Site(name, role)).toList();
    }
}
