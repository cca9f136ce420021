package io.github.steelyard;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaField;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import io.github.steelyard.Architecture.OutsideRule;
import io.github.steelyard.model.Engine;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;

/// Holds the compiled classes against `docs/ARCHITECTURE.md`.
final class ArchitectureTest {

    /// Fewer classes than this mean that the scan looked in the wrong place. Raise it as the project grows.
    private static final int LEAST_CLASSES = 250;

    private static final Architecture DOCUMENT = Architecture.read(Path.of("docs", "ARCHITECTURE.md"));
    private static final JavaClasses CLASSES = new ClassFileImporter().importPath(Path.of("target", "classes"));

    @Test
    void scan_findsTheProject() {
        assertThat(CLASSES.size()).isGreaterThanOrEqualTo(LEAST_CLASSES);
    }

    @Test
    void document_edges_pointLeft() {
        Set<String> left = new HashSet<>();
        DOCUMENT.edges().forEach((name, uses) -> {
            assertThat(left).as("packages to the left of %s", name).containsAll(uses);
            left.add(name);
        });
    }

    @Test
    void document_outsideTable_isRead() {
        assertThat(DOCUMENT.outside()).hasSizeGreaterThanOrEqualTo(8).allSatisfy(rule -> {
            assertThat(rule.names()).isNotEmpty();
            assertThat(rule.users())
                    .allSatisfy(user -> assertThat(DOCUMENT.edges()).containsKey(user.replaceAll("\\..*", "")));
        });
    }

    @Test
    void outsideRule_namesAndUsers_areMatchedWhole() {
        OutsideRule rule =
                new OutsideRule(List.of("java.net", "java.lang.System.exit"), List.of("cli", "kernel.Vector*"));

        assertThat(Stream.of("java.net.URI", "java.net.http.HttpClient", "java.lang.System.exit"))
                .allMatch(rule::covers);
        assertThat(Stream.of("java.nettle.Leaf", "java.lang.System.exitCode", "java.lang.System"))
                .noneMatch(rule::covers);
        assertThat(Stream.of("cli.Main", "cli.Main$1", "kernel.VectorKernels", "kernel.VectorKernels$Lane"))
                .allMatch(rule::allows);
        assertThat(Stream.of("client.Main", "kernel.Kernels", "kernel.Gemm$VectorPath"))
                .noneMatch(rule::allows);
    }

    @Test
    void classes_liveInListedPackages() {
        Set<String> strays = new TreeSet<>();
        for (JavaClass type : CLASSES) {
            if (!DOCUMENT.edges().containsKey(packageOf(type))) {
                strays.add(type.getName());
            }
        }
        assertThat(strays).as("classes outside the packages of the edges block").isEmpty();
    }

    @Test
    void packages_areNullMarked() throws ClassNotFoundException {
        for (String name : DOCUMENT.edges().keySet()) {
            Class<?> info = Class.forName(Architecture.ROOT + name + ".package-info");
            assertThat(info.isAnnotationPresent(NullMarked.class))
                    .as("package %s is @NullMarked", name)
                    .isTrue();
        }
    }

    @Test
    void dependencies_followTheEdges() {
        Set<String> violations = new TreeSet<>();
        for (JavaClass type : CLASSES) {
            String from = packageOf(type);
            for (Dependency dependency : type.getDirectDependenciesFromSelf()) {
                JavaClass target = dependency.getTargetClass().getBaseComponentType();
                String to = packageOf(target);
                if (!to.isEmpty() && !to.equals(from) && !allowed(from).contains(to)) {
                    violations.add("%s -> %s: %s uses %s".formatted(from, to, type.getName(), target.getName()));
                }
            }
        }
        assertThat(violations)
                .as("edges that docs/ARCHITECTURE.md does not list")
                .isEmpty();
    }

    // So that every job computes experts as the one selection says.
    @Test
    void engine_isMadeInOnePlace() {
        assertThat(CLASSES.get(Engine.class).getConstructorCallsToSelf())
                .extracting(call -> call.getOriginOwner().getName())
                .filteredOn(name -> !name.equals(Engine.class.getName())) // one constructor calls the other
                .containsExactly(Architecture.ROOT + "job.ForwardPass");
    }

    @Test
    void outsideNames_areUsedOnlyWhereTheTableSays() {
        Set<String> violations = new TreeSet<>();
        for (JavaClass type : CLASSES) {
            String name = type.getName().substring(Architecture.ROOT.length());
            usedNames(type).forEach(used -> {
                for (OutsideRule rule : DOCUMENT.outside()) {
                    if (rule.covers(used) && !rule.allows(name)) {
                        violations.add("%s uses %s, allowed only from %s".formatted(name, used, rule.users()));
                    }
                }
            });
        }
        assertThat(violations).isEmpty();
    }

    @Test
    void staticFields_areFinal() {
        List<String> mutable = new ArrayList<>();
        for (JavaClass type : CLASSES) {
            for (JavaField field : type.getFields()) {
                Set<JavaModifier> modifiers = field.getModifiers();
                if (modifiers.contains(JavaModifier.STATIC)
                        && !modifiers.contains(JavaModifier.FINAL)
                        && !modifiers.contains(JavaModifier.SYNTHETIC)) {
                    mutable.add(field.getFullName());
                }
            }
        }
        assertThat(mutable).as("static fields that are not final").isEmpty();
    }

    @Test
    void names_sayWhatAClassIs() {
        Set<String> vague = new TreeSet<>();
        for (JavaClass type : CLASSES) {
            if (type.getSimpleName().matches("Abstract.*|.*(Impl|Utils?|Helpers?|Manager)")) {
                vague.add(type.getName());
            }
        }
        assertThat(vague).isEmpty();
    }

    private static Set<String> allowed(String packageName) {
        return DOCUMENT.edges().getOrDefault(packageName, Set.of());
    }

    private static String packageOf(JavaClass type) {
        String name = type.getPackageName();
        return name.startsWith(Architecture.ROOT) ? name.substring(Architecture.ROOT.length()) : "";
    }

    private static Stream<String> usedNames(JavaClass type) {
        Stream<String> classes = type.getDirectDependenciesFromSelf().stream()
                .map(dependency ->
                        dependency.getTargetClass().getBaseComponentType().getName());
        Stream<String> members = Stream.concat(
                        type.getAccessesFromSelf().stream(),
                        Stream.concat(
                                type.getMethodReferencesFromSelf().stream(),
                                type.getConstructorReferencesFromSelf().stream()))
                .map(ArchitectureTest::memberName);
        return Stream.concat(classes, members);
    }

    private static String memberName(JavaAccess<?> access) {
        return access.getTargetOwner().getName() + "." + access.getName();
    }
}
