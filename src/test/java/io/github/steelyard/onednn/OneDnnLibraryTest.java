package io.github.steelyard.onednn;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.InputStream;
import java.util.Properties;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

final class OneDnnLibraryTest {

    @Test
    void version_isThatOfTheJar() throws Exception {
        Properties properties = new Properties();
        try (InputStream in =
                OneDnnLibrary.class.getResourceAsStream("/META-INF/maven/org.bytedeco/dnnl/pom.properties")) {
            properties.load(in);
        }
        assertThat(properties.getProperty("version")).isEqualTo(OneDnnLibrary.VERSION);
    }

    // The digests hold, or it would be refused.
    @Test
    @EnabledOnOs(value = OS.LINUX, architectures = "amd64")
    void load_givesTheLibrary() throws Exception {
        assertThat(OneDnnLibrary.load().find("dnnl_version")).isPresent();
    }
}
