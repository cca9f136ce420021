package io.github.steelyard.corpus;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.natives.NativeFile;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

final class TokenizerFilesTest {

    @Test
    void digests_areThoseOfTheJar() throws Exception {
        assertThat(TokenizerFiles.all()).hasSize(3);
        for (NativeFile file : TokenizerFiles.all().values()) {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(resource(file.resource()));
            assertThat(HexFormat.of().formatHex(digest)).as(file.resource()).isEqualTo(file.sha256());
        }
    }

    @Test
    void version_isThatOfTheJar() throws IOException {
        assertThat(new String(resource("/native/lib/tokenizers.properties"), StandardCharsets.UTF_8).strip())
                .endsWith("-" + TokenizerFiles.VERSION);
    }

    // The library's own loader asks for other flavours over the network where it finds CUDA. It needs this class.
    @Test
    void ownLoaderOfTheLibrary_cannotRun() {
        assertThat(TokenizerFilesTest.class.getResource("/ai/djl/util/Platform.class"))
                .isNull();
    }

    private static byte[] resource(String name) throws IOException {
        try (InputStream in = TokenizerFiles.class.getResourceAsStream(name)) {
            assertThat(in).as(name).isNotNull();
            return in.readAllBytes();
        }
    }
}
