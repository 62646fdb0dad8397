package dev.thinkingvit.tensor;

import java.io.IOException;
import java.io.InputStream;
import java.net.JarURLConnection;
import java.net.URL;
import java.net.URLConnection;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.jar.JarFile;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.bytedeco.javacpp.Loader;
import org.jspecify.annotations.Nullable;

/**
 * What is on the class path of bytedeco's jars: each library is one jar of classes and, for each platform, one of natives.
 * Loads no class of theirs, any of which may be missing.
 */
final class NativeJars {
    private static final String GROUP = "org.bytedeco";
    private static final String PLATFORM_ARTIFACT = "thinkingvit-platform";
    private static final String BOM = "import dev.thinkingvit:thinkingvit-bom, which has versions that go together";

    /** Those that libtorch exists for. */
    private static final List<String> PLATFORMS =
            List.of("linux-x86_64", "macosx-arm64", "macosx-x86_64", "windows-x86_64");

    static final Library JAVACPP = new Library("javacpp", "Loader", "jnijavacpp");

    /** What libtorch needs. */
    static final List<Library> LIBTORCH = List.of(
            new Library("openblas", "global/openblas_nolapack", "jniopenblas_nolapack"),
            new Library("pytorch", "global/torch", "jnitorch"));

    /** What oneDNN needs beside it. */
    static final List<Library> ONEDNN =
            List.of(new Library("dnnl", "global/dnnl", "jnidnnl"), new Library("opencl", "global/OpenCL", "jniOpenCL"));

    private NativeJars() {}

    /**
     * A library of bytedeco's.
     *
     * @param artifact of both kinds of jar
     * @param type a class of the one
     * @param library in the other, without its system's prefix and ending
     */
    record Library(String artifact, String type, String library) {
        @Nullable URL classes() {
            return resource("org/bytedeco/" + artifact + "/" + type + ".class");
        }

        /** Natives for a platform; libtorch's are in one of two places. */
        @Nullable URL natives(String platform) {
            String file = System.mapLibraryName(library);
            if (!platform.equals(here())) { // another system's prefix and ending
                String plain = platform.startsWith("windows") ? "" : "lib";
                String ending = platform.startsWith("windows") ? ".dll" : platform.startsWith("mac") ? ".dylib" : ".so";
                file = plain + library + ending;
            }
            URL url = resource("org/bytedeco/" + artifact + "/" + platform + "/" + file);
            return url != null ? url : resource("org/bytedeco/" + artifact + "/" + platform + "-gpu/" + file);
        }

        /** Those for this platform. */
        @Nullable URL nativesHere() {
            return natives(here());
        }

        /** {@code pytorch 2.10.0-1.5.13}, as far as it is known. */
        String named() {
            String version = version(classes());
            return version == null ? artifact : artifact + " " + version;
        }

        private @Nullable String version(@Nullable URL inJar) {
            return inJar == null ? null : versionIn(inJar, "META-INF/maven/" + GROUP + "/" + artifact);
        }
    }

    /**
     * What has to be added to the class path.
     *
     * @return one line without a beginning, such as {@code is not on the class path: add ...}; null if all is there
     */
    static @Nullable String missing(List<Library> libraries) {
        String version = NativeJars.class.getPackage().getImplementationVersion();
        String all = "dev.thinkingvit:" + PLATFORM_ARTIFACT + (version == null ? "" : ":" + version);
        List<Library> classes = Stream.concat(Stream.of(JAVACPP), libraries.stream())
                .filter(library -> library.classes() == null)
                .toList();
        if (!classes.isEmpty()) {
            return "is not on the class path, not even its classes: add " + all + ", or " + GROUP + "'s "
                    + names(classes) + ", which thinkingvit-core depends on";
        }
        String platform = here();
        List<Library> natives = libraries.stream()
                .filter(library -> library.natives(platform) == null)
                .toList();
        if (natives.isEmpty()) {
            return null;
        }
        if (!PLATFORMS.contains(platform)) {
            return "does not exist; there is one for " + String.join(", ", PLATFORMS);
        }
        String others = PLATFORMS.stream()
                .filter(other -> natives.stream().allMatch(library -> library.natives(other) != null))
                .collect(Collectors.joining(", "));
        return "is not on the class path" + (others.isEmpty() ? "" : ", only that for " + others) + ": add " + all
                + ", or " + GROUP + "'s " + names(natives) + " with the classifier " + platform;
    }

    /** Which versions do not go together, in one line; null if all do, as far as jars say. */
    static @Nullable String mismatch(List<Library> libraries) {
        String javacpp = JAVACPP.version(JAVACPP.classes());
        if (javacpp == null) {
            return null;
        }
        for (Library library : libraries) {
            String classes = library.version(library.classes());
            String natives = library.version(library.natives(here()));
            if (classes != null && natives != null && !classes.equals(natives)) {
                return "the classes of " + GROUP + ":" + library.artifact + " are of version " + classes
                        + ", its natives of " + natives + "; " + BOM;
            }
            // a version ends in that of the JavaCPP it is made with: 2.10.0-1.5.13
            if (classes != null && !classes.endsWith("-" + javacpp)) {
                return GROUP + ":" + library.artifact + ":" + classes + " does not go with " + GROUP + ":javacpp:"
                        + javacpp + "; " + BOM;
            }
        }
        return null;
    }

    /** This platform, as bytedeco names it; null where there is not even JavaCPP to ask. */
    static @Nullable String platform() {
        return JAVACPP.classes() == null ? null : Loader.getPlatform();
    }

    private static String here() {
        return Loader.getPlatform();
    }

    private static String names(List<Library> libraries) {
        List<String> names = new ArrayList<>();
        libraries.forEach(library -> names.add(library.named()));
        return names.size() == 1
                ? names.get(0)
                : String.join(", ", names.subList(0, names.size() - 1)) + " and " + names.get(names.size() - 1);
    }

    private static @Nullable URL resource(String path) {
        ClassLoader loader = NativeJars.class.getClassLoader();
        return loader == null ? ClassLoader.getSystemResource(path) : loader.getResource(path);
    }

    /** The version that a jar says of itself; null if it is no jar or says none. */
    private static @Nullable String versionIn(URL inJar, String folder) {
        try {
            URLConnection connection = inJar.openConnection();
            if (!(connection instanceof JarURLConnection jarConnection)) {
                return null;
            }
            jarConnection.setUseCaches(false);
            try (JarFile jar = jarConnection.getJarFile()) {
                var entry = jar.getEntry(folder + "/pom.properties");
                if (entry == null) {
                    return null;
                }
                try (InputStream in = jar.getInputStream(entry)) {
                    Properties properties = new Properties();
                    properties.load(in);
                    return properties.getProperty("version");
                }
            }
        } catch (IOException | RuntimeException e) {
            return null; // not known; what loads is not refused for it
        }
    }
}
