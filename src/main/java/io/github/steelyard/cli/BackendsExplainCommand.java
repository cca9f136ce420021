package io.github.steelyard.cli;

import io.github.steelyard.catalogue.Catalogue;
import io.github.steelyard.catalogue.SelectionRequest;
import io.github.steelyard.console.Console;
import io.github.steelyard.option.LayerOptions;
import io.github.steelyard.option.ServingOptions;
import io.github.steelyard.oracle.Decision;
import io.github.steelyard.oracle.DecisionJson;
import io.github.steelyard.oracle.DecisionText;
import io.github.steelyard.oracle.FakeQuantLaunch;
import io.github.steelyard.oracle.Oracle;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/// `steelyard backends explain`: every step of a selection, and how to launch the engine so that the w2 input shows.
@Command(
        name = "explain",
        mixinStandardHelpOptions = true,
        description = {
            "Shows every step of a selection: candidates, the reason of each rejection, the answer, what it shows,",
            "and the flags under which the engine would show the w2 input to fake quantization."
        })
final class BackendsExplainCommand extends SteelyardCommand {

    @Mixin
    BackendsSelectCommand.SelectionOptions selection = new BackendsSelectCommand.SelectionOptions();

    @Mixin
    LayerOptions layer = new LayerOptions();

    @Mixin
    ServingOptions serving = new ServingOptions();

    BackendsExplainCommand(Console console) {
        super(console);
    }

    @Override
    Outcome run() {
        Decision decision = selection.decide(layer, serving);
        Catalogue catalogue = serving.catalogue();
        SelectionRequest request = SelectionRequest.of(layer.layer(), serving.device(catalogue))
                .withDeployment(serving.deployment())
                .withPreference(serving.preference());
        FakeQuantLaunch launch = FakeQuantLaunch.plan(new Oracle(catalogue), List.of(request), Set.of());
        List<String> lines = new ArrayList<>(DecisionText.steps(decision));
        if (!launch.flags().isEmpty()) {
            lines.add("for fake quantization launch with: " + String.join(" ", launch.flags()));
        } else if (!launch.complete()) {
            launch.advice().forEach(advice -> lines.add("fake quantization: " + advice));
        }
        return Outcome.ok(DecisionJson.of(decision, launch), lines);
    }
}
