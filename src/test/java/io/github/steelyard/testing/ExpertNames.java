package io.github.steelyard.testing;

import io.github.steelyard.site.ExpertPart;
import io.github.steelyard.site.ExpertPart.Product;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// What the published names of experts say: `GROUP.INDEX.PRODUCT`.
public final class ExpertNames {

    private static final Pattern EXPERT = Pattern.compile("(.*\\.experts)\\.([0-9]+)\\.(\\w+)");
    private static final Map<String, Product> PRODUCTS = Map.of(
            "gate_proj", Product.GATE,
            "w1", Product.GATE,
            "up_proj", Product.UP,
            "w3", Product.UP,
            "down_proj", Product.DOWN,
            "w2", Product.DOWN);

    private ExpertNames() {}

    /// Returns the product of a routed expert that the name says; empty if it says none.
    public static Optional<ExpertPart> part(String module) {
        Matcher matcher = EXPERT.matcher(module);
        return matcher.matches()
                ? Optional.of(new ExpertPart(
                        matcher.group(1), Integer.parseInt(matcher.group(2)), PRODUCTS.get(matcher.group(3))))
                : Optional.empty();
    }
}
