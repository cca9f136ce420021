package io.github.steelyard.family;

import io.github.steelyard.format.Format;
import io.github.steelyard.model.Body;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.ExpectedTensor;
import io.github.steelyard.model.Linear;
import io.github.steelyard.moe.SparseMoe;
import io.github.steelyard.site.ModuleInfo;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/// How large a model is, from its config alone.
///
/// @param parameters all values of the text model
/// @param active those that one token passes: all but the experts that it is not sent to
/// @param layers number of layers of each kind
/// @param linears the linear layers, the head included unless it shares the embedding
public record ModelSize(long parameters, long active, SortedMap<String, Integer> layers, List<Linear> linears) {

    public ModelSize {
        layers = Collections.unmodifiableSortedMap(new TreeMap<>(layers));
        linears = List.copyOf(linears);
    }

    /// Returns the size of `decoder`.
    public static ModelSize of(Decoder decoder) {
        long parameters = 0;
        Set<ExpectedTensor> counted = new HashSet<>();
        for (ExpectedTensor tensor : decoder.tensors()) {
            if (counted.add(tensor)) {
                parameters += tensor.shape().elements();
            }
        }
        List<Linear> linears = decoder.linears();
        linears = decoder.tied() ? linears.subList(0, linears.size() - 1) : linears;
        for (Linear linear : linears) {
            parameters += weights(linear);
        }
        long unchosen = 0;
        SortedMap<String, Integer> layers = new TreeMap<>();
        for (Decoder.Layer layer : decoder.layers()) {
            layers.merge(layer.kind(), 1, Integer::sum);
            for (Decoder.Block block : layer.blocks()) {
                unchosen += unchosen(block.body());
            }
        }
        return new ModelSize(parameters, parameters - unchosen, layers, linears);
    }

    /// Returns the bytes of the model with the linear layers in `format` and everything else in 16 bits. Routers,
    /// other gates and the head count as everything else, since by convention they are not quantised.
    public long bytes(Format format) {
        long bytes = Format.PLAIN.bytes(1, parameters);
        for (Linear linear : linears) {
            if (linear.info().kind() == ModuleInfo.Kind.LINEAR) {
                ModuleInfo info = linear.info();
                bytes += format.bytes(info.rows(), info.columns()) - Format.PLAIN.bytes(info.rows(), info.columns());
            }
        }
        return bytes;
    }

    private static long unchosen(Body body) {
        if (!(body instanceof SparseMoe moe)) {
            return 0;
        }
        long perExpert = 0;
        for (Linear linear : moe.experts().getFirst().linears()) {
            perExpert +=
                    weights(linear) + (linear.bias().isPresent() ? linear.info().rows() : 0);
        }
        return perExpert * (moe.experts().size() - moe.router().routing().chosen());
    }

    private static long weights(Linear linear) {
        return (long) linear.info().rows() * linear.info().columns();
    }
}
