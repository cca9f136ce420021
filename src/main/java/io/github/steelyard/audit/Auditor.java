package io.github.steelyard.audit;

import io.github.steelyard.census.StoredModules;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.family.Families;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.Finding;
import io.github.steelyard.files.Printable;
import io.github.steelyard.model.Decoder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Predicate;

/// Looks for everything that would make a calibration or a server refuse a checkpoint or, worse, serve it wrong:
/// tensors without their scales and scales without their tensors, values that no calibration measures, modules that the
/// config describes otherwise than they are, cache scales that are promised and not there.
///
/// Works on any checkpoint, whoever wrote it. The same faults are seen whatever is expected; see [Expectation].
public final class Auditor {

    private final Expectation expectation;
    private final int threads;

    /// @param threads how many threads read the values
    /// @throws IllegalArgumentException if `threads` is less than 1
    public Auditor(Expectation expectation, int threads) {
        if (threads < 1) {
            throw new IllegalArgumentException(String.format(Locale.ROOT, "threads must be at least 1: %d", threads));
        }
        this.expectation = expectation;
        this.threads = threads;
    }

    /// Audits a directory. What cannot be read is an error among the findings, not an exception.
    public Verification audit(Path directory) {
        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            return audit(checkpoint);
        } catch (CheckpointException e) {
            return unreadable(directory, e);
        }
    }

    /// Audits an open checkpoint.
    public Verification audit(Checkpoint checkpoint) {
        Findings findings = new Findings(checkpoint.directory(), expectation.export());
        StoredModules stored = StoredModules.of(checkpoint);
        List<TensorError> errors = look(checkpoint, stored, tensor -> true, findings);
        SortedMap<String, Long> formats = new TreeMap<>();
        stored.all().stream()
                .filter(module -> module.isMatrix() || module.isStack())
                .flatMap(module -> module.tensors().stream())
                .forEach(tensors -> formats.merge(tensors.label(), 1L, Long::sum));
        return new Verification(findings.all(), formats, errors);
    }

    /// Audits a checkpoint, but for tensors whose bytes do not exist yet, and returns what is wrong with each subject.
    ///
    /// @param readable whether the bytes of a tensor are to be looked at
    public List<Finding> rehearse(Checkpoint checkpoint, Predicate<TensorInfo> readable) {
        Findings findings = new Findings(checkpoint.directory(), expectation.export());
        look(checkpoint, StoredModules.of(checkpoint), readable, findings);
        return findings.singly();
    }

    private List<TensorError> look(
            Checkpoint checkpoint, StoredModules stored, Predicate<TensorInfo> readable, Findings findings) {
        try {
            findings.addAll(checkpoint.findings());
            findings.addAll(checkpoint.quantization().findings());
            checkpoint
                    .quantization()
                    .problem()
                    .ifPresent(problem -> findings.add(FindingCode.QUANTIZATION_UNKNOWN, "quantization", problem));
            Optional<Decoder> decoder = decoder(checkpoint, findings);
            ValueScan scan = new ValueScan(checkpoint, stored, readable, findings);
            ModelParts parts = ModelParts.of(stored, decoder);
            Subject subject = new Subject(checkpoint, stored, decoder, parts, readable, scan.run(threads));
            checks().forEach(check -> check.run(subject, findings));
            if (expectation.source().isPresent()) {
                return new SourceComparison(expectation.source().get(), checkpoint, findings).run();
            }
        } catch (CheckpointException e) {
            findings.add(FindingCode.UNREADABLE, String.valueOf(e.file()), e);
        }
        return List.of();
    }

    /// Returns the audit of a directory that could not be opened.
    public Verification unreadable(Path directory, CheckpointException problem) {
        Findings findings = new Findings(directory, expectation.export());
        findings.add(FindingCode.UNREADABLE, String.valueOf(problem.file()), problem);
        return new Verification(findings.all(), new TreeMap<>(), List.of());
    }

    private List<Check> checks() {
        List<Check> checks = new ArrayList<>(List.of(
                new ModelCensus(),
                new StoredShapes(),
                new DeclaredFormats(),
                new DeclaredNames(),
                new OrphanScales(),
                new ScannedValues(),
                new ScaleDefaults(),
                new ZeroWeights(),
                new JoinedScales(),
                new CachePromise(),
                new InputFactors(),
                new LauncherFile()));
        if (expectation.planned().isPresent()) {
            checks.add(new PlannedFormats(expectation.planned().get()));
        } else if (expectation.export()) {
            checks.add(new SomethingQuantised());
        }
        if (!expectation.servers().isEmpty()) {
            checks.add(new LoaderCheck(expectation.servers()));
        }
        return checks;
    }

    private Optional<Decoder> decoder(Checkpoint checkpoint, Findings findings) {
        try {
            return Optional.of(Families.describe(checkpoint));
        } catch (CheckpointException e) {
            findings.add(FindingCode.CONFIG, "config.json", e);
        } catch (IllegalArgumentException | ArithmeticException e) {
            findings.add(
                    FindingCode.CONFIG,
                    checkpoint.config().file(),
                    "config.json",
                    "describes no model that can be run: %s".formatted(Printable.of(String.valueOf(e.getMessage()))));
        }
        return Optional.empty();
    }
}
