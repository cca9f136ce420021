package io.github.steelyard.cli;

import io.github.steelyard.catalogue.Catalogue;
import io.github.steelyard.catalogue.Catalogues;
import io.github.steelyard.catalogue.SelectionRequest;
import io.github.steelyard.console.Console;
import io.github.steelyard.option.Arguments;
import io.github.steelyard.option.LayerOptions;
import io.github.steelyard.option.ServingOptions;
import io.github.steelyard.option.UsageException;
import io.github.steelyard.oracle.CaseRunner;
import io.github.steelyard.oracle.Decision;
import io.github.steelyard.oracle.DecisionJson;
import io.github.steelyard.oracle.DecisionText;
import io.github.steelyard.oracle.Oracle;
import io.github.steelyard.oracle.Selection;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `steelyard backends select`: the backend of one layer, or of every case of a file.
@Command(
        name = "select",
        mixinStandardHelpOptions = true,
        description = {
            "Selects the backend of one layer; exit code 1 when there is none.",
            "With --case, answers every case of a file, refusals included, with exit code 0."
        })
final class BackendsSelectCommand extends SteelyardCommand {

    private static final Set<String> WITH_CASES =
            Set.of("--case", "--cases", "--strict", "--serving", "--json", "--verbose");

    @Option(
            names = {"--case", "--cases"},
            paramLabel = "FILE",
            description = "Cases in JSON instead of a layer in options.")
    @Nullable
    Path cases;

    @Mixin
    SelectionOptions selection = new SelectionOptions();

    @Mixin
    LayerOptions layer = new LayerOptions();

    @Mixin
    ServingOptions serving = new ServingOptions();

    BackendsSelectCommand(Console console) {
        super(console);
    }

    /// How to select.
    static final class SelectionOptions {

        @Option(
                names = "--strict",
                description = "Reproduce the engine even where we differ on purpose (docs/ODDITIES.md).")
        boolean strict;

        @Option(names = "--visible-w2-input", description = "Only backends that show the w2 input.")
        boolean visibleW2Input;

        /// Asks for the layer's backend.
        Decision decide(LayerOptions layer, ServingOptions serving) {
            Catalogue catalogue = serving.catalogue();
            return new Oracle(catalogue)
                    .select(SelectionRequest.of(layer.layer(), serving.device(catalogue))
                            .withDeployment(serving.deployment())
                            .withPreference(serving.preference())
                            .withStrict(strict)
                            .withVisibleW2Input(visibleW2Input));
        }
    }

    @Override
    Outcome run() {
        if (cases != null) {
            requireCasesAlone();
            String engine = serving.serving.replaceAll("@.*", "");
            return Outcome.ok(new CaseRunner(Catalogues.bundled(), engine, selection.strict).answers(cases), List.of());
        }
        Decision decision = selection.decide(layer, serving);
        return Outcome.gate(decision instanceof Selection, DecisionJson.of(decision), DecisionText.answer(decision));
    }

    /// A table of a hundred cases helps nobody.
    @Override
    boolean machineReadable() {
        return super.machineReadable() || cases != null;
    }

    /// A case says everything about its layer; an option that says it too would be lost without a word.
    private void requireCasesAlone() {
        List<String> lost = Arguments.given(spec).stream()
                .filter(name -> !WITH_CASES.contains(name))
                .toList();
        if (!lost.isEmpty()) {
            throw new UsageException("%s: no effect with --case".formatted(String.join(", ", lost)));
        }
    }
}
