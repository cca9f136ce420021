package io.github.steelyard.testing;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.format.PlainWeight;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.Linear;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.weights.Weights;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;

/// A LoRA adapter of random matrices as PEFT saves it, and the weights that it comes to when it is merged: sums in
/// double, from the formulas of `Linear.get_delta_weight` and `ParamWrapper.get_delta_weight` of PEFT, written out.
public final class SmallAdapter {

    private static final double SIGMA = 0.1;

    private final Random random;
    private final int rank;
    private final double scale;
    private final TinySafetensors tensors = new TinySafetensors();
    private final ObjectNode config = new JsonMapper().createObjectNode();
    private final Map<String, double[]> added = new HashMap<>(); // (rows, columns) by module
    private boolean zero;

    /// @param alpha numerator of the scale
    public SmallAdapter(long seed, int rank, int alpha) {
        this.random = new Random(seed);
        this.rank = rank;
        this.scale = (double) alpha / rank;
        config.put("peft_type", "LORA").put("r", rank).put("lora_alpha", alpha).put("peft_version", "0.20.0");
    }

    /// Makes all second matrices zero, as PEFT begins with.
    public SmallAdapter zero() {
        zero = true;
        return this;
    }

    /// Changes the config.
    public SmallAdapter config(Consumer<ObjectNode> change) {
        change.accept(config);
        return this;
    }

    /// Adapts a linear layer.
    ///
    /// @param name its name as the adapter has it
    public SmallAdapter linear(String name, ModuleInfo module) {
        float[] a = values(rank * module.columns(), false);
        float[] b = values(module.rows() * rank, zero);
        put(name, a, rank, module.columns(), b, module.rows(), rank);
        added.put(module.name(), product(b, a, module.rows(), module.columns()));
        return this;
    }

    /// Adapts a parameter of all experts of a layer.
    ///
    /// @param name the module with it, and `.base_layer` for each parameter that is wrapped around it
    /// @param experts for each expert the modules that it makes up, in their order
    /// @param interleaved whether the rows of two modules take turns
    /// @param turned whether the outputs were taken for the inputs
    public SmallAdapter stack(String name, List<List<ModuleInfo>> experts, boolean interleaved, boolean turned) {
        int count = experts.size();
        int columns = experts.getFirst().getFirst().columns();
        int rows = experts.getFirst().stream().mapToInt(ModuleInfo::rows).sum();
        int in = turned ? rows : columns;
        int out = turned ? columns : rows;
        float[] a = values(rank * count * in, false);
        float[] b = values(out * rank * count, zero);
        put(name, a, rank * count, in, b, out, rank * count);
        for (int e = 0; e < count; e++) {
            // weight_A.reshape(experts, rank, in), weight_B.reshape(out, rank, experts)
            float[] own = new float[rank * in];
            float[] others = new float[out * rank];
            for (int k = 0; k < rank; k++) {
                for (int i = 0; i < in; i++) {
                    own[k * in + i] = a[(e * rank + k) * in + i];
                }
                for (int o = 0; o < out; o++) {
                    others[o * rank + k] = b[(o * rank + k) * count + e];
                }
            }
            double[] matrix = product(others, own, out, in); // (out, in)
            List<ModuleInfo> modules = experts.get(e);
            int first = 0;
            for (int m = 0; m < modules.size(); m++) {
                ModuleInfo module = modules.get(m);
                double[] part = new double[module.rows() * columns];
                for (int row = 0; row < module.rows(); row++) {
                    int at = interleaved ? row * modules.size() + m : first + row;
                    for (int column = 0; column < columns; column++) {
                        part[row * columns + column] = turned ? matrix[column * in + at] : matrix[at * in + column];
                    }
                }
                added.put(module.name(), part);
                first += module.rows();
            }
        }
        return this;
    }

    private float[] values(int count, boolean zeros) {
        float[] values = new float[count];
        for (int i = 0; i < count && !zeros; i++) {
            values[i] = (float) (random.nextGaussian() * SIGMA);
        }
        return values;
    }

    private void put(String name, float[] a, int aRows, int aColumns, float[] b, int bRows, int bColumns) {
        String prefix = "base_model.model." + name;
        tensors.f32(prefix + ".lora_A.weight", new long[] {aRows, aColumns}, a);
        tensors.f32(prefix + ".lora_B.weight", new long[] {bRows, bColumns}, b);
    }

    private double[] product(float[] b, float[] a, int rows, int columns) {
        double[] product = new double[rows * columns];
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                double sum = 0;
                for (int k = 0; k < rank; k++) {
                    sum += (double) b[row * rank + k] * a[k * columns + column];
                }
                product[row * columns + column] = sum * scale;
            }
        }
        return product;
    }

    /// Writes the adapter into a new directory.
    public Path write(Path directory) {
        try {
            Files.createDirectories(directory);
            Files.writeString(directory.resolve("adapter_config.json"), config.toString());
            tensors.write(directory.resolve("adapter_model.safetensors"));
            return directory;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// Returns the weights of all adapted modules with what is added to them.
    public Map<String, StoredWeight> merged(Weights weights, Decoder decoder) {
        Map<String, StoredWeight> merged = new HashMap<>();
        for (Linear linear : decoder.linears()) {
            ModuleInfo info = linear.info();
            double[] addition = added.get(info.name());
            if (addition != null) {
                float[] values = new float[info.rows() * info.columns()];
                linear.open(weights).decodeRows(0, info.rows(), values, 0);
                for (int i = 0; i < values.length; i++) {
                    values[i] = (float) (values[i] + addition[i]);
                }
                merged.put(info.name(), PlainWeight.ofFloats(values, info.rows(), info.columns()));
            }
        }
        if (merged.size() != added.size()) {
            throw new AssertionError(Arrays.toString(added.keySet().toArray()));
        }
        return merged;
    }
}
