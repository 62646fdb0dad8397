package dev.thinkingvit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.thinkingvit.inference.ElasticClassifier;
import java.io.IOException;
import java.lang.reflect.Executable;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What other people's programs see. */
class PublicApiTest {
    /** The packaged library has these under other names, which no program can know. */
    @Test
    void nothingPublicMentionsWhatIsMoved() throws Exception {
        List<Class<?>> classes = publicClasses();
        assertThat(classes).contains(ElasticClassifier.class);
        assertThat(classes.stream().flatMap(PublicApiTest::signatures))
                .filteredOn(signature -> signature.matches(".*(jackson|snakeyaml|apache).*"))
                .isEmpty();
    }

    private static List<Class<?>> publicClasses() throws IOException, URISyntaxException, ClassNotFoundException {
        Path root = Path.of(ElasticClassifier.class
                .getProtectionDomain()
                .getCodeSource()
                .getLocation()
                .toURI());
        List<String> names;
        try (Stream<Path> files = Files.walk(root)) {
            names = files.map(file -> root.relativize(file).toString())
                    .filter(file -> file.endsWith(".class") && !file.contains("package-info"))
                    .map(file -> file.replaceAll("\\.class$", "").replaceAll("[/\\\\]", "."))
                    .toList();
        }
        List<Class<?>> classes = new ArrayList<>();
        for (String name : names) {
            Class<?> each = Class.forName(name, false, PublicApiTest.class.getClassLoader());
            if (isPublic(each)) {
                classes.add(each);
            }
        }
        return classes;
    }

    private static boolean isPublic(Class<?> type) {
        return Modifier.isPublic(type.getModifiers())
                && (type.getEnclosingClass() == null || isPublic(type.getEnclosingClass()));
    }

    private static Stream<String> signatures(Class<?> type) {
        Stream<String> fields = Stream.of(type.getDeclaredFields())
                .filter(field -> isSeen(field.getModifiers()))
                .map(Field::toGenericString);
        Stream<String> executables = Stream.<Executable>concat(
                        Stream.of(type.getDeclaredConstructors()), Stream.of(type.getDeclaredMethods()))
                .filter(each -> isSeen(each.getModifiers()) && !(each instanceof Method method && method.isSynthetic()))
                .map(Executable::toGenericString);
        Stream<String> parents = Stream.concat(
                        Stream.of(type.getGenericInterfaces()), Stream.ofNullable(type.getGenericSuperclass()))
                .map(parent -> type + " is a " + parent.getTypeName());
        return Stream.of(fields, executables, parents).flatMap(each -> each);
    }

    private static boolean isSeen(int modifiers) {
        return Modifier.isPublic(modifiers) || Modifier.isProtected(modifiers);
    }
}
