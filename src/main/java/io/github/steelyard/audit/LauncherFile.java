package io.github.steelyard.audit;

import io.github.steelyard.census.LauncherState;
import io.github.steelyard.dialect.QuantizationConfig;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;

/// The state that ModelOpt's launcher for vLLM loads beside fake-quantised weights. Its pickle is not read; the zip
/// around it is, and the amax, which lie there as plain floats.
record LauncherFile() implements Check {

    /// More than any model has quantizers; what is behind them is not looked at.
    private static final int MOST_ENTRIES = 100_000;

    @Override
    public void run(Subject subject, Findings findings) {
        if (!LauncherState.isIn(subject.checkpoint())) {
            return;
        }
        Path file = subject.checkpoint().directory().resolve(LauncherState.FILE_NAME);
        if (subject.checkpoint().quantization().method() != QuantizationConfig.Method.NONE) {
            findings.add(
                    FindingCode.LAUNCHER_STATE,
                    file,
                    LauncherState.FILE_NAME,
                    "is for weights that are plain values, and the configs declare codes: vLLM would look for these");
        }
        for (String problem : problems(file)) {
            findings.add(FindingCode.LAUNCHER_STATE, file, LauncherState.FILE_NAME, problem);
        }
    }

    private static List<String> problems(Path file) {
        List<String> problems = new ArrayList<>();
        try (ZipFile zip = new ZipFile(file.toFile())) {
            List<? extends ZipEntry> entries = zip.stream()
                    .limit(MOST_ENTRIES)
                    .filter(entry -> !entry.isDirectory())
                    .toList();
            if (entries.stream().noneMatch(entry -> entry.getName().endsWith("/data.pkl"))) {
                problems.add("has no data.pkl, so torch.load would refuse it");
            }
            for (ZipEntry entry : entries) {
                if (entry.getMethod() != ZipEntry.STORED) {
                    problems.add("'%s' is compressed, so torch.load would refuse it".formatted(entry.getName()));
                } else if (entry.getName().matches("[^/]+/data/\\d+") && entry.getSize() == Float.BYTES) {
                    float amax = amax(zip, entry);
                    if (!(amax > 0 && amax < Float.POSITIVE_INFINITY)) {
                        problems.add("the amax in '%s' is %s, wanted a positive finite number"
                                .formatted(entry.getName(), amax));
                    }
                }
            }
        } catch (ZipException e) {
            problems.add("is no zip file, so torch.load would refuse it: " + e.getMessage());
        } catch (IOException e) {
            problems.add("cannot be read: " + e.getMessage());
        }
        return problems;
    }

    private static float amax(ZipFile zip, ZipEntry entry) throws IOException {
        try (InputStream in = zip.getInputStream(entry)) {
            return ByteBuffer.wrap(in.readNBytes(Float.BYTES))
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .getFloat();
        }
    }
}
