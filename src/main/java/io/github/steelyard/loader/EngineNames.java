package io.github.steelyard.loader;

import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;

/// What an engine calls the modules of a checkpoint, and its quantizers where ModelOpt's launcher put them.
///
/// @param fused parts of one matrix, in its order, by the name of the matrix
/// @param renames what is written otherwise than in checkpoints
/// @param launcher where ModelOpt's launcher has quantizers
public record EngineNames(SequencedMap<String, List<String>> fused, List<Rename> renames, Launcher launcher) {

    /// A part of a name that the engine writes otherwise.
    ///
    /// @param modelTypes the model types for which this holds; empty: all
    /// @param root whether the name begins with it, or may have it anywhere
    /// @param from what checkpoints have
    /// @param to what the engine has
    public record Rename(Set<String> modelTypes, boolean root, String from, String to) {

        private Optional<String> of(String name, String modelType) {
            boolean meant = modelTypes.isEmpty() || modelTypes.contains(modelType);
            boolean there = root ? name.startsWith(from) : (name + ".").contains(from + ".");
            return meant && there
                    ? Optional.of(root ? to + name.substring(from.length()) : name.replace(from, to))
                    : Optional.empty();
        }
    }

    /// Where ModelOpt's launcher has quantizers.
    ///
    /// @param without last parts of names of modules that have none
    /// @param regrouped matrices whose parts it looks for in them, whether or not a model has all parts
    /// @param spared by such a matrix the part of a name under which it does not
    public record Launcher(Set<String> without, Set<String> regrouped, Map<String, String> spared) {}

    /// Returns what the engine calls a module.
    public String of(String module, String modelType) {
        String name = module;
        boolean rooted = false;
        for (Rename rename : renames) {
            Optional<String> renamed = rename.root() && rooted ? Optional.empty() : rename.of(name, modelType);
            rooted |= rename.root() && renamed.isPresent();
            name = renamed.orElse(name);
        }
        return name;
    }

    /// Returns the matrix that a part of it lies in.
    ///
    /// @param module name of the part
    /// @param modules names of all modules of the model
    public Optional<String> matrix(String module, Set<String> modules) {
        return fused.entrySet().stream()
                .filter(matrix -> matrix.getValue().contains(last(module)))
                .filter(matrix -> matrix.getValue().stream().allMatch(part -> modules.contains(parent(module) + part)))
                .map(matrix -> parent(module) + matrix.getKey())
                .findFirst();
    }

    /// Returns the name under which ModelOpt's launcher finds the state of the quantizer of an input or of a cache: one
    /// for all experts of a layer and all parts of a matrix. Empty where it has no quantizer, so that the engine uses
    /// high precision there.
    ///
    /// @param module the module of the site
    /// @param modules names of all modules of the model
    /// @throws IllegalArgumentException for a weight, whose quantizer a launcher never has
    public Optional<String> quantizer(Site site, ModuleInfo module, Set<String> modules, String modelType) {
        return switch (site.role()) {
            case INPUT -> input(module, modules).map(name -> of(name, modelType) + "." + Role.INPUT.quantizer());
            case KEY, VALUE ->
                Optional.of(
                        of(site.module(), modelType) + ".attn." + site.role().quantizer());
            case LATENT, ROTATED_KEY ->
                Optional.of(of(site.module(), modelType) + ".mla_attn.mla_attn."
                        + site.role().quantizer());
            case OUTPUT -> Optional.empty(); // those of fused layers' parts do not exist there
            case WEIGHT -> throw new IllegalArgumentException("%s is a weight's".formatted(site));
        };
    }

    private Optional<String> input(ModuleInfo module, Set<String> modules) {
        if (module.expert().isPresent()) {
            return module.expert()
                    .map(part ->
                            "%s.0.%s".formatted(part.group(), part.product().isSecond() ? "down_proj" : "gate_proj"));
        }
        Optional<String> matrix = matrix(module.name(), modules);
        String name = matrix.orElse(module.name());
        boolean lost = launcher.without().contains(last(name)) || (matrix.isEmpty() && isRegrouped(name));
        return lost ? Optional.empty() : Optional.of(name);
    }

    private boolean isRegrouped(String module) {
        return fused.entrySet().stream()
                .filter(matrix -> launcher.regrouped().contains(matrix.getKey()))
                .filter(matrix -> matrix.getValue().contains(last(module)))
                .anyMatch(matrix -> !isSpared(matrix.getKey(), module));
    }

    private boolean isSpared(String matrix, String module) {
        String where = launcher.spared().get(matrix);
        return where != null && module.contains(where);
    }

    private static String last(String module) {
        return module.substring(module.lastIndexOf('.') + 1);
    }

    private static String parent(String module) {
        return module.substring(0, module.lastIndexOf('.') + 1);
    }
}
