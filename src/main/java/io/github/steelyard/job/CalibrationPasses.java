package io.github.steelyard.job;

import io.github.steelyard.calibration.PlannedQuantizers;
import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.calibration.Solvers;
import io.github.steelyard.draw.Draws;
import io.github.steelyard.files.Finding;
import io.github.steelyard.files.Printable;
import io.github.steelyard.gemm.Gemm;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.model.EngineListener;
import io.github.steelyard.model.MemoryPlan;
import io.github.steelyard.model.Sequences;
import io.github.steelyard.passes.CalibrationRun;
import io.github.steelyard.passes.SolvingRun;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.quant.FakeQuantizer;
import io.github.steelyard.quant.FakeQuantizingTap;
import io.github.steelyard.recipe.Drawing;
import io.github.steelyard.run.Manifest;
import io.github.steelyard.run.Provenance;
import io.github.steelyard.run.RunDirectory;
import io.github.steelyard.run.RunKey;
import io.github.steelyard.site.Site;
import io.github.steelyard.site.Tap;
import io.github.steelyard.weights.Weights;
import io.github.steelyard.work.ExpertBackend;
import io.github.steelyard.work.Profile;
import io.github.steelyard.work.ShownTokens;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/// The passes of one run: one that measures, and one more where weights are solved.
record CalibrationPasses(
        CalibrationRequest request,
        JobListener listener,
        CalibratedText text,
        Drawing drawing,
        Plan plan,
        CalibratedModel model,
        Kernels kernels,
        Gemm gemm,
        ExpertBackend backend,
        int threads) {

    /// Returns what the largest pass takes. One that solves goes over all that was measured, else a round is the
    /// largest.
    static MemoryPlan memory(Drawing drawing, CalibratedModel model, CalibratedText text, Plan plan) {
        Sequences sequences = text.sequences();
        long tokens = sequences.tokens();
        if (drawing.inRounds() && !Solvers.isWanted(plan)) {
            tokens = Math.min(tokens, (long) drawing.roundSequences() * sequences.longest());
        }
        return new MemoryPlan(
                model.decoder(),
                sequences.longest(),
                model.copies() * tokens,
                model.checkpoint().tensors().size(),
                Solvers.memory(Optional.of(plan)));
    }

    /// Measures, and solves what the recipe's algorithm solves, into a run's directory. A part of a text is measured:
    /// it
    /// takes the scales of all parts to solve.
    void execute(RunDirectory run, RunKey key, Profile profile) {
        if (Solvers.isWanted(plan) && text.shard().isEmpty()) {
            solve(run, key, profile);
        } else {
            measure(
                    run,
                    key,
                    profile,
                    (statistics, draws) -> run.finish(
                            statistics,
                            request.recipe().resolved(),
                            measured -> manifest(draws, key, measured, new TreeMap<>())));
        }
    }

    private ForwardPass pass(Weights weights, CalibrationRun.Round round) {
        return new ForwardPass(
                weights,
                model.decoder(),
                round.sequences(),
                kernels,
                gemm,
                backend,
                round.shown(),
                threads,
                round.variants());
    }

    private Provenance provenance() {
        return Provenance.capture(
                Map.of("threads", Integer.toString(threads), "kernels", kernels.reason(), "gemm", gemm.reason()));
    }

    private void measure(RunDirectory run, RunKey key, Profile profile, CalibrationRun.StatisticsConsumer finish) {
        calibration((round, tap, store, rows) -> pass(model.weights(), round)
                        .run(
                                tap,
                                store,
                                rows,
                                profile,
                                listener.passBegins(
                                        "calibrate", round.sequences().tokens()),
                                Optional.empty()))
                .execute(run, key, request.choices().fresh(), finish);
    }

    private CalibrationRun calibration(CalibrationRun.Forward forward) {
        try {
            return new CalibrationRun(
                    model.decoder(),
                    text.sequences(),
                    text.firstToken(),
                    model.copies(),
                    drawing,
                    request.shown(),
                    kernels,
                    plan,
                    forward);
        } catch (IllegalArgumentException e) {
            throw new RequestException(String.valueOf(e.getMessage()));
        }
    }

    /// Measures, unless that is done, and then solves what the recipe's algorithm solves, with inputs quantised as
    /// measured.
    private void solve(RunDirectory run, RunKey key, Profile profile) {
        if (request.choices().fresh()) {
            run.discardState();
        }
        if (!run.isMeasured()) {
            measure(
                    run,
                    key,
                    profile,
                    (statistics, draws) -> SolvingRun.begin(
                            run,
                            key,
                            statistics,
                            drawn(draws)
                                    .map(Draws.Round::sequences)
                                    .orElse(text.sequences().count()),
                            draws));
        }
        SolvingRun.Measured measured = SolvingRun.measured(
                run, key, model.decoder().layers().size(), text.sequences().count());
        ScaleTable scales = ScaleTable.resolve(
                measured.statistics(), plan, request.recipe().export().sharing(), Optional.empty());
        List<String> unseen = Solvers.unseen(plan, measured.statistics());
        if (!unseen.isEmpty()) {
            listener.finding(Finding.warning(
                    "solved-without-tokens",
                    "",
                    String.format(
                            Locale.ROOT,
                            Solvers.quantisesInputs(plan)
                                    ? "%d modules saw no token and are solved by their weight alone: %s"
                                    : "%d modules saw no token and have the factors of the others of their layer: %s",
                            unseen.size(),
                            Printable.list(unseen))));
        }
        Map<Site, FakeQuantizer> inputs = PlannedQuantizers.of(plan, scales, module -> true);
        Optional<Tap> again = Solvers.propagates(plan)
                ? Optional.of(new FakeQuantizingTap(PlannedQuantizers.of(
                        plan, scales, module -> plan.keepsWeight(module.name()) || Solvers.isSolved(plan, module))))
                : Optional.empty();
        CalibrationRun.Round round =
                CalibrationRun.Round.of(text.sequences().range(0, measured.drawn()), model.copies(), ShownTokens.NONE);
        EngineListener progress = listener.passBegins("solve", round.sequences().tokens());
        new SolvingRun(
                        model.decoder(),
                        model.weights(),
                        round.sequences(),
                        measured.drawn(),
                        measured.statistics(),
                        scales.digest(plan.arithmetic()),
                        Solvers.of(plan, scales).orElseThrow(),
                        inputs.isEmpty() || !Solvers.quantisesInputs(plan) ? Tap.NONE : new FakeQuantizingTap(inputs),
                        again,
                        kernels,
                        gemm,
                        threads,
                        (weights, tap, store, rows) ->
                                pass(weights, round).run(tap, store, rows, profile, progress, Optional.empty()))
                .execute(run, key, (solved, leftOut) -> {
                    if (leftOut > 0) {
                        listener.finding(
                                Finding.warning(
                                        "rows-left-out",
                                        "",
                                        leftOut
                                                + " rows of inputs are no numbers, or more than four times what was measured, and are left out of what weights were solved by"));
                    }
                    run.finishSolved(
                            request.recipe().resolved(), digest -> manifest(measured.draws(), key, digest, solved));
                });
    }

    private static Optional<Draws.Round> drawn(Optional<Draws> draws) {
        return draws.map(found -> found.rounds().getLast());
    }

    private Manifest manifest(
            Optional<Draws> draws, RunKey key, String statisticsDigest, SortedMap<String, String> solved) {
        Manifest.DataInput data = text.input(request);
        return new Manifest(
                new Manifest.Input(
                        request.checkpoint().toAbsolutePath().normalize().toString(),
                        Objects.requireNonNull(key.parts().get(RunKey.CHECKPOINT))),
                CalibrationJob.input(request.recipe()),
                data,
                drawn(draws).map(Draws.Round::sequences).orElse(text.sequences().count()),
                drawn(draws).map(Draws.Round::tokens).orElse(text.sequences().tokens()),
                draws,
                text.portions(request),
                Manifest.settings(key),
                statisticsDigest,
                solved,
                provenance());
    }
}
