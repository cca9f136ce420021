package io.github.steelyard.checkpoint;

import io.github.steelyard.dialect.QuantizationConfig;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.ConfigJson;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/// The configs of a checkpoint, whether or not its weights are there.
///
/// @param directory the checkpoint's directory
/// @param config `config.json`
/// @param quantization what `config.json` and `hf_quant_config.json` say about quantization
public record ModelConfigs(Path directory, ConfigJson config, QuantizationConfig quantization) {

    /// Reads the configs in `directory`.
    ///
    /// @throws CheckpointException if `config.json` is missing, or one of them is not sound or not understood
    public static ModelConfigs read(Path directory) {
        if (!Files.isDirectory(directory)) {
            throw new CheckpointException(directory, Files.exists(directory) ? "not a directory" : "no such directory");
        }
        ConfigJson config = ConfigJson.read(directory.resolve("config.json"));
        Path separate = directory.resolve("hf_quant_config.json");
        Optional<ConfigJson> other = Files.exists(separate) ? Optional.of(ConfigJson.read(separate)) : Optional.empty();
        QuantizationConfig quantization = QuantizationConfig.of(config, other);
        quantization.requireUnderstood();
        return new ModelConfigs(directory, config, quantization);
    }
}
