package io.github.steelyard.run;

import io.github.steelyard.checkpoint.SafetensorsWriter;
import io.github.steelyard.checkpoint.SafetensorsWriter.Planned;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.solve.Solver;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// What is solved in one layer, on its way to `solved/`: tensors `MODULE.PART`, those of a module together, in the
/// model's order. Each module is written as soon as it is solved; the file appears once it is whole. Thread-safe.
public final class SolvedFile implements AutoCloseable {

    /// Value of `version` in a file's metadata.
    static final String VERSION = "1";

    static final Map<String, String> METADATA = Map.of("format", "steelyard-solved", "version", VERSION);

    private final SafetensorsWriter writer;
    private final Solver solver;

    /// @param modules what is solved
    public SolvedFile(Path file, List<ModuleInfo> modules, Solver solver) {
        List<Planned> plan = new ArrayList<>();
        for (ModuleInfo module : modules) {
            solver.parts(module).forEach(part -> plan.add(new Planned(name(module, part), part.dtype(), part.shape())));
        }
        this.writer = SafetensorsWriter.create(file, plan, METADATA);
        this.solver = solver;
    }

    /// Returns the name of the file of a layer, or with -1 of what lies outside the layers.
    public static String name(int layer) {
        return layer < 0 ? "head.safetensors" : "layer-" + layer + ".safetensors";
    }

    private static String name(ModuleInfo module, Solver.Part part) {
        return module.name() + "." + part.name();
    }

    /// Writes what was solved for a module.
    ///
    /// @param bytes of each part
    public synchronized void write(ModuleInfo module, List<byte[]> bytes) {
        List<Solver.Part> parts = solver.parts(module);
        for (int i = 0; i < parts.size(); i++) {
            writer.append(name(module, parts.get(i)), MemorySegment.ofArray(bytes.get(i)));
        }
    }

    /// Makes the file appear.
    public void finish() {
        writer.finish();
    }

    @Override
    public void close() {
        writer.close();
    }
}
