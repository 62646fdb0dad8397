package dev.thinkingvit.app.docs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.w3c.dom.NodeList;

/** What pages say besides commands: where links lead, which files and artifacts there are, how long a first screen is. */
class PageTextTest {
    private static final Pattern LINK = Pattern.compile("\\]\\(([^)\\s]+)\\)");
    private static final Pattern FILE =
            Pattern.compile("`((?:docs|recipes|models|samples|thinkingvit-[a-z]+)/[\\w./-]+)`");
    private static final Pattern DEPENDENCY = Pattern.compile("<dependency>(.*?)</dependency>", Pattern.DOTALL);
    private static final Pattern OURS = Pattern.compile("dev\\.thinkingvit:([a-z-]+)");

    private static final int SCREEN_LINES = 45;
    private static final int SCREEN_COLUMNS = 130;

    static List<Page> pages() {
        return Page.all();
    }

    @ParameterizedTest
    @MethodSource("pages")
    void linksLeadSomewhere(Page page) {
        List<String> prose = page.prose();
        for (int i = 0; i < prose.size(); i++) {
            Matcher link = LINK.matcher(prose.get(i));
            while (link.find()) {
                requireTarget(page, i + 1, link.group(1));
            }
        }
    }

    private static void requireTarget(Page page, int line, String target) {
        if (target.matches("[a-z]+:.*")) {
            return; // elsewhere
        }
        String where = page.name() + ", line " + line + ": the link to " + target;
        String[] parts = target.split("#", 2);
        Path file = parts[0].isEmpty()
                ? page.file()
                : page.file().resolveSibling(parts[0]).normalize();
        assertThat(file).as(where).exists();
        assertThat(file).as(where + " leads out of the project").startsWith(Page.HOME);
        if (parts.length == 2 && file.toString().endsWith(".md")) {
            assertThat(Page.named(Page.HOME.relativize(file).toString()).anchors())
                    .as(where + ": the headings there")
                    .contains(parts[1]);
        }
    }

    @ParameterizedTest
    @MethodSource("pages")
    void filesOfTheProjectThatAreNamedAreThere(Page page) {
        Matcher file = FILE.matcher(String.join("\n", page.prose()));
        while (file.find()) {
            assertThat(Page.HOME.resolve(file.group(1)))
                    .as(page.name() + " names " + file.group(1))
                    .exists();
        }
    }

    @Test
    void theFirstScreenOfTheReadmeIsOne() {
        Page readme = Page.named("README.md");
        int heading = readme.lines().indexOf("## What it does");
        assertThat(heading).as("lines of README.md above 'What it does'").isBetween(1, SCREEN_LINES);
        assertThat(readme.lines().subList(0, heading))
                .allSatisfy(line -> assertThat(line).hasSizeLessThanOrEqualTo(SCREEN_COLUMNS));
        assertThat(readme.lines().indexOf("./thinkingvit classify samples"))
                .as("the line of the first command")
                .isBetween(1, 12);
    }

    @ParameterizedTest
    @MethodSource("pages")
    void artifactsAreOnesThatThisBuildMakesOrUsesInTheirVersions(Page page) throws Exception {
        Map<String, String> known = artifacts();
        String text = page.text();
        Matcher ours = OURS.matcher(text);
        while (ours.find()) {
            assertThat(known).as(page.name() + " names an artifact").containsKey(ours.group(1));
        }
        known.forEach((artifact, version) -> {
            Matcher named = Pattern.compile("(?<![\\w-])" + Pattern.quote(artifact) + ":(\\d+\\.[\\w.-]+)")
                    .matcher(text);
            while (named.find()) {
                assertThat(named.group(1))
                        .as(page.name() + ": the version of " + artifact)
                        .isEqualTo(version);
            }
        });
        Matcher dependency = DEPENDENCY.matcher(text);
        while (dependency.find()) {
            String artifact = tag(dependency.group(1), "artifactId");
            assertThat(known).as(page.name() + " depends on").containsKey(artifact);
            String version = tag(dependency.group(1), "version");
            if (!version.isEmpty()) {
                assertThat(version)
                        .as(page.name() + ": the version of " + artifact)
                        .isEqualTo(known.get(artifact));
            }
        }
    }

    private static String tag(String xml, String name) {
        Matcher tag = Pattern.compile("<" + name + ">(.*?)</" + name + ">").matcher(xml);
        return tag.find() ? tag.group(1) : "";
    }

    /** Of all modules and of what they manage: names and versions. */
    private static Map<String, String> artifacts() throws Exception {
        Map<String, String> properties = new HashMap<>();
        Map<String, String> versions = new TreeMap<>();
        for (Path pom : poms()) {
            Element project = DocumentBuilderFactory.newInstance()
                    .newDocumentBuilder()
                    .parse(pom.toFile())
                    .getDocumentElement();
            if (!child(project, "version").isEmpty()) { // the others have their parent's
                properties.put("project.version", child(project, "version"));
            }
            each(project.getElementsByTagName("properties"), element -> {
                for (Node node = element.getFirstChild(); node != null; node = node.getNextSibling()) {
                    if (node instanceof Element property
                            && !element.getParentNode().getNodeName().equals("profile")) {
                        properties.put(property.getTagName(), property.getTextContent());
                    }
                }
            });
            versions.put(child(project, "artifactId"), "${project.version}");
            each(project.getElementsByTagName("dependency"), element -> {
                if (!child(element, "version").isEmpty()) {
                    versions.put(child(element, "artifactId"), child(element, "version"));
                }
            });
        }
        versions.replaceAll((artifact, version) -> {
            String resolved = version;
            for (int i = 0; i < 3; i++) {
                for (Map.Entry<String, String> property : properties.entrySet()) {
                    resolved = resolved.replace("${" + property.getKey() + "}", property.getValue());
                }
            }
            return resolved;
        });
        return versions;
    }

    private static List<Path> poms() throws IOException {
        TreeSet<Path> poms = new TreeSet<>();
        try (Stream<Path> files = Files.walk(Page.HOME, 2)) {
            files.filter(file -> file.endsWith("pom.xml")).forEach(poms::add);
        }
        assertThat(poms).contains(Page.HOME.resolve("pom.xml"));
        return List.copyOf(poms);
    }

    private static void each(NodeList nodes, java.util.function.Consumer<Element> action) {
        for (int i = 0; i < nodes.getLength(); i++) {
            action.accept((Element) nodes.item(i));
        }
    }

    private static String child(Element element, String name) {
        for (Node node = element.getFirstChild(); node != null; node = node.getNextSibling()) {
            if (node.getNodeName().equals(name)) {
                return node.getTextContent().strip();
            }
        }
        return "";
    }
}
