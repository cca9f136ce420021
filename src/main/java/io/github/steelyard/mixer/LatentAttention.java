package io.github.steelyard.mixer;

import io.github.steelyard.model.ExpectedTensor;
import io.github.steelyard.model.Linear;
import io.github.steelyard.model.LinearGroup;
import io.github.steelyard.model.Norm;
import io.github.steelyard.model.SequenceBody;
import io.github.steelyard.model.SequenceLimit;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.weights.Weights;
import io.github.steelyard.work.Lane;
import io.github.steelyard.work.Scratch;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// Multi-head latent attention of DeepSeek: keys and values are made from a narrow latent and a rotated key that all
/// heads share. Computed as it was trained, with the latent expanded for each head.
///
/// ```text
/// [q or its latent | c | k_r] = x W      q = up(norm(latent of q))  per head [q_n | q_r]
/// latent = norm(c)                       up(latent)                 per head [k_n | v]
/// q = [q_n | rotate(q_r)]   k = [k_n | rotate(k_r)]   output(softmax(scale q k) v)
/// ```
///
/// Sites: the shared input of the first projections; the inputs of both up projections and of the output; keys and
/// values of each head; what a server caches instead of them, the latent and the rotated key.
///
/// @param module name of the attention module, which carries the cache sites
/// @param first `q_a_proj` or `q_proj`, then `kv_a_proj_with_mqa`
/// @param queryLatent how queries come from a latent of their own, if they do
/// @param latentNorm norm on the latent of keys and values
/// @param latentUp `kv_b_proj`
/// @param output the output projection
/// @param rotary position embedding of the last dimensions of queries and of the shared key
/// @param core heads, widths and scale; as many key heads as query heads
/// @param selected the longest sequence in which a query sees all keys before it, where an indexer selects among them
public record LatentAttention(
        ModuleInfo module,
        LinearGroup first,
        Optional<QueryLatent> queryLatent,
        Norm latentNorm,
        LinearGroup latentUp,
        LinearGroup output,
        Rotary rotary,
        AttentionCore core,
        Optional<SequenceLimit> selected)
        implements SequenceBody {

    /// How queries come from a latent.
    ///
    /// @param norm norm on the latent
    /// @param up `q_b_proj`
    public record QueryLatent(Norm norm, LinearGroup up) {}

    @Override
    public String kind() {
        return "latent attention";
    }

    /// Returns the rotated dimensions of a key.
    int rotated() {
        return 2 * rotary.half();
    }

    @Override
    public List<ModuleInfo> modules() {
        List<ModuleInfo> modules = new ArrayList<>();
        groups().forEach(group -> modules.addAll(group.modules()));
        modules.add(modules.size() - 1, module);
        return modules;
    }

    @Override
    public List<Linear> linears() {
        return groups().stream().flatMap(group -> group.members().stream()).toList();
    }

    @Override
    public List<ExpectedTensor> tensors() {
        List<ExpectedTensor> tensors = new ArrayList<>(latentNorm.tensors());
        queryLatent.ifPresent(query -> tensors.addAll(query.norm().tensors()));
        groups().forEach(group -> tensors.addAll(group.tensors()));
        return tensors;
    }

    @Override
    public List<Linear> normReaders() {
        return first.members();
    }

    private List<LinearGroup> groups() {
        List<LinearGroup> groups = new ArrayList<>(List.of(first));
        queryLatent.ifPresent(query -> groups.add(query.up()));
        groups.add(latentUp);
        groups.add(output);
        return groups;
    }

    @Override
    public Optional<SequenceLimit> limit() {
        return Stream.of(selected, rotary.limit())
                .flatMap(Optional::stream)
                .min(Comparator.comparingInt(SequenceLimit::tokens));
    }

    @Override
    public Loaded load(Weights weights, Lane lane, Scratch.Frame memory, int longest) {
        return new LoadedLatentAttention(this, weights, lane, memory, longest);
    }
}
