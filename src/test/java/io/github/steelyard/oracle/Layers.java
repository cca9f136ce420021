package io.github.steelyard.oracle;

import io.github.steelyard.catalogue.Catalogues;
import io.github.steelyard.catalogue.Device;
import io.github.steelyard.catalogue.MoeLayer;
import io.github.steelyard.catalogue.SelectionRequest;
import java.util.Set;

/// Layers and devices that the tests ask about.
public final class Layers {

    private Layers() {}

    public static MoeLayer bf16(String activation) {
        return MoeLayer.of("unquantized", MoeLayer.Keys.ofFormat(), activation, new MoeLayer.Size(2048, 768, 128));
    }

    static MoeLayer fp8Tensor() {
        return MoeLayer.of(
                "fp8",
                MoeLayer.Keys.of("fp8_static_tensor", "fp8_static_tensor"),
                "silu",
                new MoeLayer.Size(2048, 768, 128));
    }

    static MoeLayer fp8Block() {
        return MoeLayer.of(
                "fp8",
                MoeLayer.Keys.of("fp8_static_block128", "fp8_dyn_group128"),
                "silu",
                new MoeLayer.Size(7168, 2048, 256));
    }

    static MoeLayer nvfp4() {
        return MoeLayer.of(
                "nvfp4", MoeLayer.Keys.of("nvfp4_static", "nvfp4_dyn"), "silu", new MoeLayer.Size(2048, 768, 128));
    }

    static MoeLayer gptOss() {
        return MoeLayer.of("mxfp4", MoeLayer.Keys.ofFormat(), "swigluoai", new MoeLayer.Size(2880, 2880, 128));
    }

    public static Device sm(int capability, String... libraries) {
        return Device.of("sm" + capability, Set.of(libraries));
    }

    static Oracle engine(String snapshot) {
        return new Oracle(Catalogues.bundled().find("vllm@" + snapshot));
    }

    static SelectionRequest strict(MoeLayer layer, Device device) {
        return SelectionRequest.of(layer, device).withStrict(true);
    }
}
