package io.github.steelyard.job;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.io.StringWriter;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `docs/LIBRARY.md` is true: its example compiles and runs, and what it lists is what is public.
final class LibraryTest {

    private static final Path DOCUMENT = Path.of("docs/LIBRARY.md");
    private static final Path SOURCES = Path.of("src/main/java/io/github/steelyard");
    private static final List<String> PACKAGES =
            List.of("job", "merge", "evaluation", "benchmark", "demo", "difference", "dossier");
    private static final Set<String> LENT = Set.of("Inputs", "OpenedRun", "ForwardPass", "Verdict");
    private static final Pattern EXAMPLE = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);
    private static final int MOST_LINES = 20;

    @TempDir
    private Path temp;

    @Test
    void example_asALibraryUserRunsIt_calibratesAndExports() throws IOException, InterruptedException {
        Matcher found = EXAMPLE.matcher(Files.readString(DOCUMENT));
        assertThat(found.find()).isTrue();
        String example = found.group(1);
        assertThat(example.lines()).hasSizeLessThanOrEqualTo(MOST_LINES);
        Path source = Files.writeString(temp.resolve("Example.java"), example);
        Path out = temp.resolve("out");

        assertThat(compile(List.of(source), "-d", temp.toString())).isEmpty();
        List<String> lines = java(temp + File.pathSeparator + classPath(), "Example", out.toString());

        assertThat(lines)
                .containsExactly(
                        "all 64 experts saw at least 1 token(s)", "complete {copied=5, encoded=108, kept=100}");
        assertThat(out.resolve("export/model.safetensors")).isRegularFile();
    }

    @Test
    void publicTypes_areThoseThatTheDocumentLists() throws IOException, ClassNotFoundException {
        String document = Files.readString(DOCUMENT);
        Set<String> listed = Pattern.compile("`([A-Z][A-Za-z.]+)`")
                .matcher(document.substring(document.indexOf("| type |"))
                        .lines()
                        .map(line -> line.split("\\|", -1)[1])
                        .collect(Collectors.joining()))
                .results()
                .map(match -> match.group(1))
                .collect(Collectors.toCollection(TreeSet::new));

        assertThat(listed).isEqualTo(publicTypes());
    }

    // The compiler of the gate lets comments be missing; here none may. What a sentence says needs no tag besides.
    @Test
    void publicMembers_areAllDocumented() throws IOException {
        String said = compile(
                sources(),
                "-d",
                temp.toString(),
                "-proc:none",
                "-Xmaxwarns",
                "1000",
                "-Xdoclint:all/public",
                "-Xdoclint/package:"
                        + PACKAGES.stream()
                                .map(name -> "io.github.steelyard." + name)
                                .collect(Collectors.joining(",")));

        assertThat(said).contains("no @return");
        assertThat(Pattern.compile(
                                ".*: warning: (no comment\\R(?!.*public \\w+ \\{)|no @param for .*\\R.*\\brecord ).*")
                        .matcher(said)
                        .results()
                        .map(MatchResult::group))
                .isEmpty();
    }

    private static List<Path> sources() throws IOException {
        List<Path> sources = new ArrayList<>();
        for (String name : PACKAGES) {
            try (Stream<Path> files = Files.list(SOURCES.resolve(name))) {
                files.forEach(sources::add);
            }
        }
        return sources;
    }

    private static Set<String> publicTypes() throws IOException, ClassNotFoundException {
        Set<String> names = new TreeSet<>();
        for (Path source : sources()) {
            String name = source.getFileName().toString().replace(".java", "");
            if (!name.equals("package-info")) {
                Class<?> type = Class.forName(
                        "io.github.steelyard." + source.getParent().getFileName() + "." + name);
                if (LENT.contains(name)) {
                    assertThat(type).isPublic();
                } else {
                    addPublic(type, names);
                }
            }
        }
        return names;
    }

    private static void addPublic(Class<?> type, Set<String> names) {
        if (Modifier.isPublic(type.getModifiers())) {
            names.add(type.getCanonicalName().substring(type.getPackageName().length() + 1));
            Arrays.stream(type.getDeclaredClasses()).forEach(inner -> addPublic(inner, names));
        }
    }

    /// Compiles and returns what the compiler had to say.
    private static String compile(List<Path> sources, String... options) throws IOException {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        StringWriter said = new StringWriter();
        List<String> all = new ArrayList<>(List.of("-cp", classPath()));
        all.addAll(Arrays.asList(options));
        try (StandardJavaFileManager files = compiler.getStandardFileManager(null, null, null)) {
            compiler.getTask(said, files, null, all, null, files.getJavaFileObjectsFromPaths(sources))
                    .call();
        }
        return said.toString();
    }

    /// Returns what a library user has: all but the optional dependency.
    private static String classPath() {
        return Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator, -1))
                .filter(element -> !element.contains("picocli"))
                .collect(Collectors.joining(File.pathSeparator));
    }

    private static List<String> java(String classPath, String... words) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules",
                "jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-Xmx512m",
                "-cp",
                classPath));
        command.addAll(Arrays.asList(words));
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        List<String> lines = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
                .lines()
                .toList();
        assertThat(process.waitFor()).isZero();
        return lines;
    }
}
