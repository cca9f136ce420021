package io.github.steelyard.cli;

import io.github.steelyard.catalogue.Catalogue;
import io.github.steelyard.catalogue.CatalogueJson;
import io.github.steelyard.catalogue.Catalogues;
import io.github.steelyard.console.Console;
import io.github.steelyard.option.UsageException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// `steelyard backends list`: the catalogues, or the backends of one.
@Command(
        name = "list",
        mixinStandardHelpOptions = true,
        description = "Lists the catalogues at hand, or the backends of one.")
final class BackendsListCommand extends SteelyardCommand {

    @Option(
            names = "--serving",
            paramLabel = "ENGINE[@DATE]",
            description = "List the backends of this engine, such as vllm@2026-08-17 or steelyard.")
    @Nullable
    String serving;

    BackendsListCommand(Console console) {
        super(console);
    }

    @Override
    Outcome run() {
        Catalogues catalogues = Catalogues.bundled();
        if (serving == null) {
            return Outcome.ok(CatalogueJson.of(catalogues), CatalogueJson.lines(catalogues));
        }
        Catalogue catalogue = find(catalogues, serving);
        return Outcome.ok(CatalogueJson.of(catalogue), CatalogueJson.lines(catalogue));
    }

    private static Catalogue find(Catalogues catalogues, String name) {
        try {
            return catalogues.find(name);
        } catch (IllegalArgumentException e) {
            throw new UsageException("--serving: " + e.getMessage());
        }
    }
}
