package io.github.steelyard.cli;

import io.github.steelyard.oracle.Catalogue;
import io.github.steelyard.oracle.CatalogueJson;
import io.github.steelyard.oracle.Catalogues;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// `steelyard backends list`: the catalogues, or the backends of one.
@Command(
        name = "list",
        mixinStandardHelpOptions = true,
        description = "Lists the catalogues at hand, or the backends of one.")
final class BackendsListCommand extends SteelyardCommand implements Callable<Integer> {

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
    public Integer call() {
        Catalogues catalogues = Catalogues.bundled();
        if (serving == null) {
            print(CatalogueJson.text(catalogues), CatalogueJson.lines(catalogues));
        } else {
            Catalogue catalogue = find(catalogues, serving);
            print(CatalogueJson.text(catalogue), CatalogueJson.lines(catalogue));
        }
        return ExitCode.OK;
    }

    private static Catalogue find(Catalogues catalogues, String name) {
        try {
            return catalogues.find(name);
        } catch (IllegalArgumentException e) {
            throw new UsageException("--serving: " + e.getMessage());
        }
    }

    private void print(String json, Iterable<String> lines) {
        if (common.json) {
            console.print(json);
        } else {
            lines.forEach(console::print);
        }
    }
}
