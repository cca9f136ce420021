package io.github.steelyard.dossier;

import io.github.steelyard.chart.HeatMap;
import io.github.steelyard.site.ExpertPart.Product;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;

/// The sites of one product of all experts, by layer: rows of a heat map.
///
/// @param sites for each layer the site of each expert; of an expert whose gate and up have weights of their own, both
record ExpertTable(SortedMap<Integer, List<List<Site>>> sites) {

    /// Returns the inputs of first or second products.
    static ExpertTable inputs(Collection<ModuleInfo> modules, boolean second) {
        return of(modules, Role.INPUT, second ? List.of(Product.DOWN) : List.of(Product.UP));
    }

    /// Returns the weights of first or second products.
    static ExpertTable weights(Collection<ModuleInfo> modules, boolean second) {
        return of(modules, Role.WEIGHT, second ? List.of(Product.DOWN) : List.of(Product.GATE, Product.UP));
    }

    private static ExpertTable of(Collection<ModuleInfo> modules, Role role, List<Product> products) {
        SortedMap<Integer, List<List<Site>>> sites = new TreeMap<>();
        for (ModuleInfo module : modules) {
            module.expert().filter(part -> products.contains(part.product())).ifPresent(part -> {
                List<List<Site>> layer = sites.computeIfAbsent(module.layer(), absent -> new ArrayList<>());
                while (layer.size() <= part.index()) {
                    layer.add(new ArrayList<>());
                }
                layer.get(part.index()).add(new Site(module.name(), role));
            });
        }
        return new ExpertTable(sites);
    }

    /// Returns the number of each expert, the largest where it has several.
    ///
    /// @param number that of a site, if it has one
    SortedMap<Integer, List<Optional<Double>>> numbers(Function<Site, Optional<Double>> number) {
        SortedMap<Integer, List<Optional<Double>>> numbers = new TreeMap<>();
        sites.forEach((layer, experts) -> numbers.put(
                layer,
                experts.stream()
                        .map(expert -> expert.stream()
                                .map(number)
                                .flatMap(Optional::stream)
                                .max(Double::compare))
                        .toList()));
        return numbers;
    }

    /// Returns numbers as a map.
    static HeatMap map(String id, String title, String unit, SortedMap<Integer, List<Optional<Double>>> numbers) {
        return new HeatMap(id, title, unit, List.copyOf(numbers.keySet()), List.copyOf(numbers.values()));
    }
}
