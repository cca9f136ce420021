package io.github.steelyard.oracle;

import io.github.steelyard.catalogue.Choice;
import io.github.steelyard.catalogue.OracleTable;
import io.github.steelyard.catalogue.SelectionRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/// How to launch an engine so that fake quantization sees every expert input: which backend each weight format would
/// get by itself, which one shows the w2 input, and the flags that ask for it.
///
/// Flags are named only if the engine of this snapshot knows the option and the value. A format whose quantizers are
/// disabled puts no condition on the launch, and a choice that the user made is judged, not replaced.
///
/// @param formats one answer per different layer
/// @param flags arguments to add to the launch; empty when none is needed, or none would do
/// @param complete whether with these flags every watched format shows its w2 input
/// @param advice what to know or to do besides
public record FakeQuantLaunch(List<Format> formats, List<String> flags, boolean complete, List<String> advice) {

    /// The answer for one format.
    ///
    /// @param format the weight format
    /// @param watched whether its quantizers are enabled
    /// @param byItself what the engine does without our flags
    /// @param names names under which the w2 input is visible, best first
    public record Format(String format, boolean watched, Decision byItself, List<String> names) {

        /// Returns whether the engine shows the w2 input without any flag of ours.
        public boolean visibleByItself() {
            return byItself instanceof Selection selection
                    && selection.w2Input().observable();
        }
    }

    /// Plans a launch.
    ///
    /// @param oracle the engine
    /// @param layers one request per different layer of the checkpoint, with the user's own choices
    /// @param disabled formats whose quantizers are disabled
    public static FakeQuantLaunch plan(Oracle oracle, List<SelectionRequest> layers, Set<String> disabled) {
        List<Format> formats = new ArrayList<>();
        for (SelectionRequest layer : layers) {
            String name = layer.layer().format();
            Decision byItself = oracle.select(layer.withVisibleW2Input(false));
            formats.add(new Format(name, !disabled.contains(name), byItself, visibleNames(oracle, layer)));
        }
        List<String> advice = new ArrayList<>();
        List<Format> blind = formats.stream()
                .filter(format -> format.watched() && !format.visibleByItself())
                .toList();
        blind.stream().map(format -> explain(oracle, format)).distinct().forEach(advice::add);
        if (blind.isEmpty()) {
            return new FakeQuantLaunch(formats, List.of(), true, advice);
        }
        boolean chosenByUser = layers.stream()
                .anyMatch(layer ->
                        layer.preference().choiceFor(layer.layer().format()).isPresent());
        if (chosenByUser) {
            advice.add("a backend was asked for; it is left as it is");
            return new FakeQuantLaunch(formats, List.of(), false, advice);
        }
        return withFlags(oracle, layers, formats, advice);
    }

    /// One value serves all formats: the engine's option is one for the whole process.
    private static FakeQuantLaunch withFlags(
            Oracle oracle, List<SelectionRequest> layers, List<Format> formats, List<String> advice) {
        Optional<String> option = oracle.catalogue().optionName();
        Optional<String> value = firstWatched(formats).stream()
                .filter(name -> servesAll(oracle, layers, formats, name))
                .findFirst();
        if (option.isPresent() && value.isPresent()) {
            return new FakeQuantLaunch(formats, List.of(option.get(), value.get()), true, advice);
        }
        if (option.isEmpty()) {
            advice.add("%s has no option that asks for a backend"
                    .formatted(oracle.catalogue().label()));
        } else {
            advice.add("no single value of %s shows the w2 input of every format (%s): launch once per format with the "
                            .formatted(option.get(), perFormat(formats))
                    + "quantizers of the others disabled, or from a checkpoint dequantised to BF16");
        }
        return new FakeQuantLaunch(formats, List.of(), false, advice);
    }

    /// A watched format must show its w2 input under the name; another must only be served under it.
    private static boolean servesAll(Oracle oracle, List<SelectionRequest> layers, List<Format> formats, String name) {
        for (int i = 0; i < formats.size(); i++) {
            Format format = formats.get(i);
            boolean serves = format.watched()
                    ? format.names().contains(name)
                    : oracle.select(asking(layers.get(i), name)) instanceof Selection;
            if (!serves) {
                return false;
            }
        }
        return true;
    }

    private static SelectionRequest asking(SelectionRequest layer, String name) {
        return layer.withPreference(layer.preference().asking(new Choice(name, "fake quantization")));
    }

    private static List<String> firstWatched(List<Format> formats) {
        return formats.stream()
                .filter(Format::watched)
                .findFirst()
                .map(Format::names)
                .orElse(List.of());
    }

    private static String perFormat(List<Format> formats) {
        return formats.stream()
                .filter(Format::watched)
                .map(format -> format.format() + ": "
                        + (format.names().isEmpty() ? "none" : String.join(" or ", format.names())))
                .collect(Collectors.joining(", "));
    }

    private static String explain(Oracle oracle, Format format) {
        return switch (format.byItself()) {
            case Selection s ->
                "%s: %s takes %s (%s), and the w2 input is %s"
                        .formatted(
                                format.format(),
                                oracle.catalogue().label(),
                                s.backend(),
                                s.experts().orElse("the platform's own"),
                                s.w2Input().label());
            case Refusal r ->
                "%s: %s serves it with no backend: %s"
                        .formatted(format.format(), oracle.catalogue().label(), r.reason());
        };
    }

    /// Returns the names that the engine accepts for this layer and under which its w2 input is visible.
    private static List<String> visibleNames(Oracle oracle, SelectionRequest layer) {
        List<String> known = oracle.catalogue().optionValues();
        return oracle.catalogue().table(layer).map(OracleTable::visible).orElse(List.of()).stream()
                .filter(known::contains)
                .filter(name -> oracle.select(asking(layer, name).withVisibleW2Input(true)) instanceof Selection)
                .toList();
    }
}
