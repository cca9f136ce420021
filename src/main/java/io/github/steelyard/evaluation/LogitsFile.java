package io.github.steelyard.evaluation;

import io.github.steelyard.checkpoint.SafetensorsWriter;
import io.github.steelyard.model.HeadConsumer;
import io.github.steelyard.model.HiddenStates;
import io.github.steelyard.model.Sequences;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// Keeps the logits of a pass and writes them as `logits.0`, `logits.1`, … `(tokens, vocabulary)` in float32.
final class LogitsFile implements HeadConsumer {

    private final Sequences sequences;
    private final int vocabulary;
    private final List<MemorySegment> logits = new ArrayList<>();

    LogitsFile(Arena arena, Sequences sequences, int vocabulary) {
        this.sequences = sequences;
        this.vocabulary = vocabulary;
        for (int i = 0; i < sequences.count(); i++) {
            logits.add(arena.allocate(HiddenStates.bytes(sequences.length(i), vocabulary), 64));
        }
    }

    @Override
    public void panel(int sequence, float[] values, int tokens, int from, int count) {
        for (int token = 0; token < tokens; token++) {
            MemorySegment.copy(
                    values,
                    token * count,
                    logits.get(sequence),
                    ValueLayout.JAVA_FLOAT,
                    ((long) token * vocabulary + from) * 4,
                    count);
        }
    }

    void write(Path file) {
        List<SafetensorsWriter.Planned> plan = new ArrayList<>();
        for (int i = 0; i < sequences.count(); i++) {
            plan.add(
                    new SafetensorsWriter.Planned("logits." + i, DType.F32, Shape.of(sequences.length(i), vocabulary)));
        }
        SafetensorsWriter.write(file, plan, Map.of(), logits);
    }
}
