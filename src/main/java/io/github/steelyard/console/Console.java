package io.github.steelyard.console;

import io.github.steelyard.files.Finding;
import io.github.steelyard.files.Printable;
import io.github.steelyard.report.FindingText;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Where a command prints: results on standard output, everything else on standard error.
///
/// Nothing else writes to either, and every text is cleaned on the way: names from foreign files can neither begin a
/// line of their own nor steer the terminal.
public final class Console {

    private static final int MOST_LINES_OF_A_KIND = 20;

    private final Watched out;
    private final PrintStream err;
    private final boolean terminal;
    private final List<Finding> findings = new ArrayList<>();
    private final Map<String, Integer> shown = new HashMap<>(); // findings by code
    private boolean redrawing;

    /// @param out standard output
    /// @param err standard error
    /// @param terminal whether standard error is a terminal, where a progress line may be redrawn
    public Console(OutputStream out, OutputStream err, boolean terminal) {
        this.out = new Watched(out);
        this.err = new PrintStream(err, true, StandardCharsets.UTF_8);
        this.terminal = terminal;
    }

    /// Returns the console of this process. The launcher says whether standard error is a terminal.
    public static Console system() {
        return new Console(
                new FileOutputStream(FileDescriptor.out),
                StandardError.open(),
                Boolean.getBoolean("steelyard.terminal"));
    }

    boolean terminal() {
        return terminal;
    }

    /// Prints a line of a result.
    public void print(String line) {
        out.write(Printable.line(line) + "\n");
    }

    /// Prints a result as JSON, whose writer has escaped what needs it.
    public void printJson(String json) {
        out.write(json + "\n");
    }

    /// Prints one line that is neither result nor problem.
    public synchronized void note(String line) {
        endRedrawing();
        err.print(Printable.line(line) + "\n");
        err.flush();
    }

    /// Prints a line of a stack trace.
    public synchronized void trace(String line) {
        String margin = line.startsWith("\t") ? "\t" : "";
        err.print(margin + Printable.line(line.substring(margin.length())) + "\n");
        err.flush();
    }

    /// Prints an error on one line.
    public void error(String message) {
        note("error: " + message);
    }

    /// Prints a warning that has no kind of its own, and keeps it for the JSON form of the result.
    public void warn(String message) {
        finding(Finding.warning("", "", message));
    }

    /// Prints a finding and keeps it for the JSON form of the result. Of many of one kind the first are printed.
    public void finding(Finding finding) {
        keep(finding);
        int count = finding.code().isEmpty() ? 1 : shown.merge(finding.code(), 1, Integer::sum);
        if (count <= MOST_LINES_OF_A_KIND) {
            note((finding.isError() ? "error: " : "warning: ") + finding.message());
        } else if (count == MOST_LINES_OF_A_KIND + 1) {
            note("more of the kind '%s' are not shown; --json has them all".formatted(finding.code()));
        }
    }

    /// Prints findings that were made together and keeps them for the JSON form: those of one kind are one line.
    public void findings(List<Finding> together) {
        together.forEach(this::keep);
        FindingText.lines(together).forEach(this::note);
    }

    /// Keeps a finding for the JSON form, for a command that prints it otherwise.
    public synchronized void keep(Finding finding) {
        findings.add(finding);
    }

    /// Returns what was found so far.
    public synchronized List<Finding> findings() {
        return List.copyOf(findings);
    }

    /// Replaces the last line of a terminal.
    public synchronized void redraw(String line) {
        err.print("\r" + Printable.line(line) + "\u001b[K");
        err.flush();
        redrawing = true;
    }

    /// Ends a line that was redrawn, if there is one.
    public synchronized void endRedrawing() {
        if (redrawing) {
            err.print("\n");
            err.flush();
            redrawing = false;
        }
    }

    /// Returns a writer to standard output, for text of our own alone.
    public PrintWriter helpWriter() {
        return new PrintWriter(out, true, StandardCharsets.UTF_8);
    }

    /// Returns why something printed did not reach standard output; empty if all did.
    public Optional<IOException> lost() {
        return Optional.ofNullable(out.failure);
    }

    /// A stream that remembers its first failure: a result that nobody could read must not look like success.
    private static final class Watched extends OutputStream {

        private final OutputStream stream;
        private volatile @Nullable IOException failure;

        private Watched(OutputStream stream) {
            this.stream = stream;
        }

        private void write(String text) {
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            write(bytes, 0, bytes.length);
        }

        @Override
        public void write(int b) {
            write(new byte[] {(byte) b}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) {
            if (failure != null) {
                return;
            }
            try {
                stream.write(bytes, offset, length);
                stream.flush();
            } catch (IOException e) {
                failure = e;
            }
        }
    }
}
