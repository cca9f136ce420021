package io.github.steelyard.mixer;

import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.model.SequenceLimit;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/// Reads the rotary parameters of a config, in the new form (`rope_parameters`, also nested by layer type) and the old
/// one (`rope_theta`, `rope_scaling`), and derives frequencies.
///
/// Source: TRANSFORMERS, `modeling_rope_utils` (see `docs/SOURCES.md`); formulas in `docs/NUMERICS.md`.
public final class RotaryParameters {

    private static final List<String> TYPES = List.of(
            "default", "linear", "llama3", "yarn", "dynamic", "longrope", "mrope"); // of text, mrope is the default

    private static final double MIN_THETA = 2; // below any published model; ln θ divides
    private static final double MAX_THETA = 1e12;
    private static final double MIN_FACTOR = 1e-3;
    private static final double MAX_FACTOR = 1e6;
    private static final double DEFAULT_POSITIONS = 2048;
    private static final double MAX_POSITIONS = 1e10;

    private final ConfigJson config;
    private final Optional<ConfigJson> parameters;
    private final Optional<ConfigJson> scaling;

    private RotaryParameters(ConfigJson config, Optional<ConfigJson> parameters) {
        this.config = config;
        this.parameters = parameters;
        this.scaling = config.object("rope_scaling");
    }

    /// Returns the parameters for all layers; where the config gives them by layer type, those of full attention.
    public static RotaryParameters of(ConfigJson config) {
        return of(config, "full_attention");
    }

    /// Returns the parameters for layers of `layerType`, which the config may give by themselves.
    ///
    /// @throws io.github.steelyard.files.CheckpointException if it gives those of other types alone
    public static RotaryParameters of(ConfigJson config, String layerType) {
        Optional<ConfigJson> all = config.object("rope_parameters");
        boolean byType = all.stream().anyMatch(a -> a.keys().stream().anyMatch(a::isObject));
        return new RotaryParameters(
                config,
                all.map(a -> !byType
                        ? a
                        : a.object(layerType)
                                .orElseThrow(() -> a.unsuitable(layerType, "the parameters of such layers"))));
    }

    /// Returns the number of dimensions of a head that are rotated.
    ///
    /// @param absent fraction where the config gives none
    public int rotatedDimensions(int headWidth, double absent) {
        int dimensions = (int) (headWidth * bounded("partial_rotary_factor", absent, 0, 1));
        if (dimensions < 2 || dimensions % 2 != 0) {
            throw where("partial_rotary_factor")
                    .unsuitable(
                            "partial_rotary_factor",
                            String.format(Locale.ROOT, "a share of %d dimensions that is even", headWidth));
        }
        return dimensions;
    }

    /// Returns the rope type.
    ///
    /// @throws io.github.steelyard.files.CheckpointException if it is none that is known here
    public String type() {
        Optional<ConfigJson> where =
                parameters.filter(p -> p.has("rope_type") || p.has("type")).or(() -> scaling);
        String type = where.map(p -> p.stringOr("rope_type", p.stringOr("type", "default")))
                .orElse("default");
        if (!TYPES.contains(type)) {
            ConfigJson place = where.orElse(config);
            throw place.unsuitable(place.has("rope_type") ? "rope_type" : "type", "one of " + TYPES);
        }
        return type;
    }

    /// Returns the factor `m(factor, mscale)` of YaRN's attention scaling: `0.1 · mscale · ln(factor) + 1`.
    public static double yarnMscale(double factor, double mscale) {
        return factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1;
    }

    /// Returns the embedding that rotates `dimensions` dimensions.
    ///
    /// @param defaultTheta base where the config gives none
    public Rotary rotary(int dimensions, double defaultTheta, boolean interleaved) {
        double theta = bounded("rope_theta", defaultTheta, MIN_THETA, MAX_THETA);
        float[] plain = new float[dimensions / 2];
        for (int k = 0; k < plain.length; k++) {
            plain[k] = (float) (1 / StrictMath.pow(theta, 2.0 * k / dimensions));
        }
        return switch (type()) {
            case "linear" -> new Rotary(linear(plain), 1, interleaved);
            case "llama3" -> new Rotary(llama3(plain), 1, interleaved);
            case "yarn" -> new Rotary(yarn(plain, dimensions, theta), yarnScaling(), interleaved);
            case "dynamic" ->
                new Rotary(dynamic(plain, dimensions, theta), 1, interleaved, Optional.of(dynamicLimit()));
            case "longrope" -> longRope(plain, interleaved);
            default -> new Rotary(plain, 1, interleaved);
        };
    }

    /// Dynamic NTK scaling changes nothing up to the trained length; with `alpha`, as Hunyuan has it, the base is
    /// another
    /// one: `θ · α^(d / (d − 2))`.
    private float[] dynamic(float[] plain, int dimensions, double theta) {
        double alpha = bounded("alpha", 0, 0, MAX_FACTOR);
        if (alpha == 0 || dimensions == 2) {
            return plain;
        }
        double base = theta * StrictMath.pow(alpha, dimensions / (dimensions - 2.0));
        float[] scaled = new float[plain.length];
        for (int k = 0; k < plain.length; k++) {
            scaled[k] = (float) (1 / StrictMath.pow(base, 2.0 * k / dimensions));
        }
        return scaled;
    }

    private SequenceLimit dynamicLimit() {
        bounded("factor", 0, MIN_FACTOR, MAX_FACTOR); // refused where there is none, as elsewhere
        double trained = bounded("max_position_embeddings", DEFAULT_POSITIONS, 1, MAX_POSITIONS);
        return limit(trained, "max_position_embeddings, beyond which rope_type dynamic has other frequencies");
    }

    /// LongRoPE divides each frequency by a factor of its own; sequences beyond the trained length have other factors.
    private Rotary longRope(float[] plain, boolean interleaved) {
        List<Double> factors = where("short_factor").numbers("short_factor");
        if (factors.size() != plain.length) {
            throw where("short_factor")
                    .unsuitable(
                            "short_factor", String.format(Locale.ROOT, "%d factors, one for each pair", plain.length));
        }
        float[] scaled = new float[plain.length];
        for (int k = 0; k < plain.length; k++) {
            double factor = factors.get(k);
            if (factor < MIN_FACTOR || factor > MAX_FACTOR) {
                throw where("short_factor")
                        .unsuitable("short_factor", "factors in %s..%s".formatted(MIN_FACTOR, MAX_FACTOR));
            }
            scaled[k] = (float) (plain[k] / factor);
        }
        double original = originalPositions();
        double extended = bounded("max_position_embeddings", original, 1, MAX_POSITIONS) / original;
        double factor = bounded("factor", extended, 0, MAX_FACTOR);
        double given = bounded("attention_factor", 0, 0, MAX_FACTOR);
        boolean longer = factor > 1 && original > 1;
        double derived = longer ? Math.sqrt(1 + Math.log(factor) / Math.log(original)) : 1;
        return new Rotary(
                scaled,
                (float) (given != 0 ? given : derived),
                interleaved,
                Optional.of(limit(
                        original,
                        "original_max_position_embeddings, beyond which rope_type longrope has other factors")));
    }

    private static SequenceLimit limit(double tokens, String reason) {
        return new SequenceLimit((int) Math.min(tokens, Integer.MAX_VALUE), reason);
    }

    /// Returns the longest sequence in which no query is scaled, where the config scales those of later positions
    /// (`llama_4_scaling_beta`).
    public Optional<SequenceLimit> queriesScaledFrom() {
        boolean scaled = bounded("llama_4_scaling_beta", 0, 0, MAX_FACTOR) != 0;
        return scaled
                ? Optional.of(limit(
                        originalPositions(),
                        "original_max_position_embeddings, beyond which llama_4_scaling_beta scales queries, which is"
                                + " not computed"))
                : Optional.empty();
    }

    /// Returns the factor by which positions are stretched; YaRN's may follow from the lengths before and after.
    ///
    /// @throws io.github.steelyard.files.CheckpointException if the config has none
    public double factor() {
        boolean derived = type().equals("yarn") && !where("factor").has("factor");
        return derived
                ? bounded("max_position_embeddings", DEFAULT_POSITIONS, 1, MAX_POSITIONS) / originalPositions()
                : bounded("factor", 0, MIN_FACTOR, MAX_FACTOR);
    }

    /// Returns YaRN's `mscale_all_dim`, 0 if the config has none.
    public double allDimensionsMscale() {
        return bounded("mscale_all_dim", 0, 0, MAX_FACTOR);
    }

    /// Returns a number from the new place, else the old one, else the top level, else `absent`.
    private double number(String key, double absent) {
        return where(key).numberOr(key, absent);
    }

    private double bounded(String key, double absent, double min, double max) {
        double value = number(key, absent);
        if (value < min || value > max) {
            throw where(key).unsuitable(key, "a number in %s..%s".formatted(min, max));
        }
        return value;
    }

    /// Returns the object that gives `key`, the top level if none does.
    private ConfigJson where(String key) {
        return Stream.of(parameters, scaling)
                .flatMap(Optional::stream)
                .filter(place -> place.has(key))
                .findFirst()
                .orElse(config);
    }

    private boolean flag(String key, boolean absent) {
        return where(key).flag(key, absent);
    }

    private double originalPositions() {
        double positions = bounded("max_position_embeddings", DEFAULT_POSITIONS, 1, MAX_POSITIONS);
        return bounded("original_max_position_embeddings", positions, 1, MAX_POSITIONS);
    }

    private float[] linear(float[] plain) {
        double factor = factor();
        float[] scaled = new float[plain.length];
        for (int k = 0; k < plain.length; k++) {
            scaled[k] = (float) (plain[k] / factor);
        }
        return scaled;
    }

    private float[] llama3(float[] plain) {
        double factor = factor();
        double low = bounded("low_freq_factor", 1, 0, MAX_FACTOR);
        double high = bounded("high_freq_factor", 4, 0, MAX_FACTOR);
        double original = originalPositions();
        float[] scaled = new float[plain.length];
        for (int k = 0; k < plain.length; k++) {
            double wavelength = 2 * Math.PI / plain[k];
            if (wavelength > original / low) {
                scaled[k] = (float) (plain[k] / factor);
            } else if (wavelength < original / high || high == low) {
                scaled[k] = plain[k];
            } else {
                double smooth = (original / wavelength - low) / (high - low);
                scaled[k] = (float) ((1 - smooth) * plain[k] / factor + smooth * plain[k]);
            }
        }
        return scaled;
    }

    private float[] yarn(float[] plain, int dimensions, double theta) {
        double factor = factor();
        double low = correction(orDefault("beta_fast", 32), dimensions, theta);
        double high = correction(orDefault("beta_slow", 1), dimensions, theta);
        if (flag("truncate", true)) {
            low = Math.floor(low);
            high = Math.ceil(high);
        }
        low = Math.max(low, 0);
        high = Math.min(high, dimensions - 1);
        if (low == high) {
            high += 0.001;
        }
        float[] scaled = new float[plain.length];
        for (int k = 0; k < plain.length; k++) {
            double ramp = Math.clamp((k - low) / (high - low), 0, 1);
            scaled[k] = (float) (plain[k] / factor * ramp + plain[k] * (1 - ramp));
        }
        return scaled;
    }

    private double correction(double rotations, int dimensions, double theta) {
        return dimensions * Math.log(originalPositions() / (rotations * 2 * Math.PI)) / (2 * Math.log(theta));
    }

    private double orDefault(String key, double absent) {
        double value = bounded(key, absent, 0, MAX_FACTOR);
        return value == 0 ? absent : value;
    }

    private float yarnScaling() {
        double given = bounded("attention_factor", 0, 0, MAX_FACTOR);
        if (given != 0) {
            return (float) given;
        }
        double factor = factor();
        double mscale = bounded("mscale", 0, 0, MAX_FACTOR);
        double allDimensions = allDimensionsMscale();
        return (float)
                (mscale != 0 && allDimensions != 0
                        ? yarnMscale(factor, mscale) / yarnMscale(factor, allDimensions)
                        : yarnMscale(factor, 1));
    }
}
