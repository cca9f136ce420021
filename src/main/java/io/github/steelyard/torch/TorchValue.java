package io.github.steelyard.torch;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;

/// A value that `torch.load` makes of a file with `weights_only=True`: plain data, tensors of one float, dtypes.
public sealed interface TorchValue {

    /// `None`.
    record Nothing() implements TorchValue {}

    /// `True` or `False`.
    record Flag(boolean value) implements TorchValue {}

    /// An integer.
    record Whole(int value) implements TorchValue {}

    /// A float of Python.
    record Real(double value) implements TorchValue {}

    /// A string.
    record Text(String value) implements TorchValue {}

    /// A tuple.
    record Tuple(List<TorchValue> items) implements TorchValue {

        public Tuple {
            items = List.copyOf(items);
        }
    }

    /// A list.
    record Sequence(List<TorchValue> items) implements TorchValue {

        public Sequence {
            items = List.copyOf(items);
        }
    }

    /// A dictionary, in this order.
    record Dictionary(SequencedMap<TorchValue, TorchValue> entries) implements TorchValue {

        public Dictionary {
            entries = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(entries));
        }
    }

    /// A float32 tensor of shape `()`.
    record Scalar(float value) implements TorchValue {}

    /// The dtype `torch.float32`.
    record Float32() implements TorchValue {}

    /// `None`.
    TorchValue NONE = new Nothing();

    /// Returns a boolean.
    static TorchValue of(boolean value) {
        return new Flag(value);
    }

    /// Returns an integer.
    static TorchValue of(int value) {
        return new Whole(value);
    }

    /// Returns a string.
    static TorchValue of(String value) {
        return new Text(value);
    }

    /// Returns a tuple.
    static TorchValue tuple(TorchValue... items) {
        return new Tuple(List.of(items));
    }

    /// Returns a list.
    static TorchValue list(TorchValue... items) {
        return new Sequence(List.of(items));
    }

    /// Returns a dictionary whose keys are strings, in the order of the map.
    static TorchValue dictionary(SequencedMap<String, TorchValue> entries) {
        SequencedMap<TorchValue, TorchValue> converted = new LinkedHashMap<>();
        entries.forEach((key, value) -> converted.put(of(key), value));
        return new Dictionary(converted);
    }

    /// Returns a dictionary of one entry.
    static TorchValue dictionary(String key, TorchValue value) {
        return dictionary(new LinkedHashMap<>(Map.of(key, value)));
    }
}
