package io.github.steelyard.option;

import io.github.steelyard.catalogue.Catalogue;
import io.github.steelyard.catalogue.Catalogues;
import io.github.steelyard.catalogue.Choice;
import io.github.steelyard.catalogue.Deployment;
import io.github.steelyard.catalogue.Device;
import io.github.steelyard.catalogue.Preference;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// A serving engine, what it runs on, how the model is spread, and what the user asks of it.
public final class ServingOptions {

    static final String DEFAULT_ENGINE = "vllm";

    @Option(
            names = "--serving",
            paramLabel = "ENGINE[@DATE]",
            description = "Serving engine and snapshot, such as vllm@2026-08-17 (default: the latest vllm).")
    public String serving = DEFAULT_ENGINE;

    @Option(
            names = "--device",
            paramLabel = "NAME",
            converter = Arguments.Name.class,
            description = "Device, such as sm90, sm100, sm121, gfx942, cpu or xpu.")
    @Nullable
    public String device;

    @Option(
            names = "--libraries",
            split = ",",
            paramLabel = "NAME",
            converter = Arguments.Name.class,
            description = "Optional libraries that are installed (default: those of the engine's usual image).")
    @Nullable
    List<String> libraries;

    @Option(
            names = "--tp",
            paramLabel = "N",
            converter = Arguments.Few.class,
            description = "Tensor-parallel size (default: ${DEFAULT-VALUE}).")
    int tp = 1;

    @Option(
            names = "--dp",
            paramLabel = "N",
            converter = Arguments.Few.class,
            description = "Data-parallel size (default: ${DEFAULT-VALUE}).")
    int dp = 1;

    @Option(names = "--ep", description = "Spread experts over the ranks instead of splitting each.")
    boolean ep;

    @Option(
            names = "--all2all",
            paramLabel = "NAME",
            converter = Arguments.Name.class,
            description = "Kernels that exchange tokens between ranks (default: ${DEFAULT-VALUE}).")
    String all2all = Deployment.defaultExchange();

    @Option(names = "--eplb", description = "Experts are rebalanced at run time.")
    boolean eplb;

    @Option(
            names = "--moe-backend",
            paramLabel = "NAME",
            converter = Arguments.Name.class,
            description = "Backend asked for, for every format.")
    @Nullable
    String backend;

    @Option(
            names = {"--moe-backend.bf16", "--moe-backend.unquantized"},
            paramLabel = "NAME",
            converter = Arguments.Name.class,
            description = "Backend asked for, for unquantised experts.")
    @Nullable
    String forBf16;

    @Option(
            names = "--moe-backend.fp8",
            paramLabel = "NAME",
            converter = Arguments.Name.class,
            description = "The same for FP8 experts.")
    @Nullable
    String forFp8;

    @Option(
            names = "--moe-backend.nvfp4",
            paramLabel = "NAME",
            converter = Arguments.Name.class,
            description = "The same for NVFP4 experts.")
    @Nullable
    String forNvfp4;

    @Option(
            names = "--moe-backend.mxfp4",
            paramLabel = "NAME",
            converter = Arguments.Name.class,
            description = "The same for MXFP4 experts.")
    @Nullable
    String forMxfp4;

    @Option(
            names = "--moe-backend.mxfp8",
            paramLabel = "NAME",
            converter = Arguments.Name.class,
            description = "The same for MXFP8 experts.")
    @Nullable
    String forMxfp8;

    @Option(
            names = "--moe-backend.int8",
            paramLabel = "NAME",
            converter = Arguments.Name.class,
            description = "The same for INT8 experts.")
    @Nullable
    String forInt8;

    @Option(
            names = "--moe-backend.wna16",
            paramLabel = "NAME",
            converter = Arguments.Name.class,
            description = "The same for weight-only integers.")
    @Nullable
    String forWna16;

    @Option(
            names = "--env",
            paramLabel = "NAME=VALUE",
            description = "Environment variable of the engine; may be repeated.")
    Map<String, String> environment = new LinkedHashMap<>();

    @Option(names = "--batch-invariant", description = "Results must not depend on the batch.")
    boolean batchInvariant;

    /// Returns the engine's catalogue.
    public Catalogue catalogue() {
        try {
            return Catalogues.bundled().find(serving);
        } catch (IllegalArgumentException e) {
            throw new UsageException("--serving: " + e.getMessage());
        }
    }

    /// Returns the device.
    public Device device(Catalogue catalogue) {
        if (device == null) {
            throw new UsageException("--device: expected a name such as sm100, found nothing");
        }
        try {
            String platform = Device.of(device, Set.of()).platform();
            Set<String> installed = libraries == null ? catalogue.assumedLibraries(platform) : new TreeSet<>(libraries);
            return Device.of(device, installed);
        } catch (IllegalArgumentException e) {
            throw new UsageException("--device: " + e.getMessage());
        }
    }

    /// Returns how the model is spread.
    public Deployment deployment() {
        try {
            return Deployment.of(tp, dp, ep, all2all, eplb);
        } catch (IllegalArgumentException e) {
            throw new UsageException("deployment: " + e.getMessage());
        }
    }

    /// Returns what was asked for, each with the option that asked.
    public Preference preference() {
        Map<String, Choice> perFormat = new LinkedHashMap<>();
        ask(perFormat, "unquantized", "bf16", forBf16);
        ask(perFormat, "fp8", "fp8", forFp8);
        ask(perFormat, "nvfp4", "nvfp4", forNvfp4);
        ask(perFormat, "mxfp4", "mxfp4", forMxfp4);
        ask(perFormat, "mxfp8", "mxfp8", forMxfp8);
        ask(perFormat, "int8", "int8", forInt8);
        ask(perFormat, "wna16", "wna16", forWna16);
        return new Preference(
                Optional.ofNullable(backend).map(name -> new Choice(name, "--moe-backend")),
                perFormat,
                environment,
                batchInvariant);
    }

    private static void ask(Map<String, Choice> perFormat, String format, String word, @Nullable String name) {
        if (name != null) {
            perFormat.put(format, new Choice(name, "--moe-backend." + word));
        }
    }
}
