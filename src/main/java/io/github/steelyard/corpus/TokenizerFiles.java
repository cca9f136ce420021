package io.github.steelyard.corpus;

import io.github.steelyard.natives.NativeException;
import io.github.steelyard.natives.NativeFile;
import io.github.steelyard.natives.NativeLibrary;
import java.util.List;
import java.util.Map;

/// The tokenizer's native library for this platform, as its jar has it. Always the one for the processor: other
/// flavours would have to come over the network.
final class TokenizerFiles {

    /// The version on the class path.
    static final String VERSION = "0.38.0";

    private static final String RESOURCES = "/native/lib/";

    private static final Map<String, NativeFile> FILES = Map.of(
            "Linux amd64",
            new NativeFile(
                    RESOURCES + "linux-x86_64/cpu/libtokenizers.so",
                    "edf58c92155e0fe4fae5231e782a1f02deeb5881de7bbcd1195f6e25009da90a"),
            "Linux aarch64",
            new NativeFile(
                    RESOURCES + "linux-aarch64/cpu/libtokenizers.so",
                    "2561672dc37df2704e29eab4049bcfceee5332799bc3b9d85f7d70045b99a610"),
            "Mac OS X aarch64",
            new NativeFile(
                    RESOURCES + "osx-aarch64/cpu/libtokenizers.dylib",
                    "cca1c15bcbfa47b1c942e9d395ea8353161e5ed709f74826ad5faebcd05544ab"));

    private TokenizerFiles() {}

    /// Returns the library of each platform, by the names that Java has for system and processor.
    static Map<String, NativeFile> all() {
        return FILES;
    }

    /// Returns the library's file here.
    ///
    /// @throws NativeException if there is none for this platform
    static NativeFile file() {
        String platform = System.getProperty("os.name") + " " + System.getProperty("os.arch");
        NativeFile file = FILES.get(platform);
        if (file == null) {
            throw new NativeException("no tokenizer library for %s, only for %s; data with input_ids needs none"
                    .formatted(
                            platform,
                            String.join(", ", FILES.keySet().stream().sorted().toList())));
        }
        return file;
    }

    /// Puts it on disk.
    static NativeLibrary unpack() {
        return NativeLibrary.unpack("tokenizers-" + VERSION, List.of(file()));
    }
}
