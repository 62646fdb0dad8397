package dev.thinkingvit.inference;

import com.sun.management.OperatingSystemMXBean;
import dev.thinkingvit.files.ProcessExit;
import dev.thinkingvit.files.ShutdownException;
import dev.thinkingvit.model.NestedNetwork;
import dev.thinkingvit.tensor.ComputeListener;
import dev.thinkingvit.tensor.QueueFullException;
import dev.thinkingvit.train.Recipe;
import dev.thinkingvit.train.RecipeFile;
import dev.thinkingvit.train.Trainer;
import java.awt.image.BufferedImage;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.lang.ref.WeakReference;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.imageio.ImageIO;

/** Programs that have a classifier in them, and do with it what frameworks do: one a process, named by the argument. */
public final class EmbeddingProgram {
    private static final Path MODEL = Path.of("../models/cifar10-3h-6h");

    private EmbeddingProgram() {}

    public static void main(String... arguments) throws Exception {
        switch (arguments[0]) {
            case "closed-by-a-hook" -> closedByAHook();
            case "classified-in-a-hook" -> classifiedInAHook();
            case "pool-drained-in-a-hook" -> poolDrainedInAHook();
            case "opened-in-a-hook" -> openedInAHook(arguments.length > 1 ? Path.of(arguments[1]) : MODEL);
            case "exit-in-a-router" -> exitInARouter(Integer.parseInt(arguments[1]));
            case "trained" -> trained();
            case "works-at-the-exit" -> worksAtTheExit();
            case "stuck-in-a-router" -> stuckInARouter(Integer.parseInt(arguments[1]));
            case "abandoned" -> abandoned();
            case "turns" -> turns();
            case "full" -> full();
            case "full-meanwhile" -> fullMeanwhile();
            case "threads" -> threads();
            case "cores" -> cores(arguments.length > 1 ? Integer.parseInt(arguments[1]) : Integer.MAX_VALUE);
            case "busy-core" -> busyCore();
            case "redeployed" -> redeployed();
            case "redeployed-on-a-prepared-server" -> {
                ImageIO.getCacheDirectory(); // its registry, and JavaCPP's thread, keep the loader that is there first
                Class.forName("org.bytedeco.javacpp.Pointer");
                redeployed();
            }
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }

    private static float[] pictures(ElasticClassifier classifier, int count) {
        return new float[count * classifier.config().preprocessing().floatsPerPicture()];
    }

    private static List<Classification> classify(ElasticClassifier classifier, int count) {
        return classifier.classify(
                pictures(classifier, count),
                Collections.nCopies(count, "black"),
                StopPolicy.alwaysThink(Routers.ENTROPY));
    }

    private static void say(String line) {
        System.out.println(line);
        System.out.flush();
    }

    private static String outcome(Runnable work) {
        try {
            work.run();
            return "done";
        } catch (RuntimeException e) {
            return e.getClass().getSimpleName();
        }
    }

    /** Four threads that classify for ever. */
    private static void busy(ElasticClassifier classifier) throws InterruptedException {
        CountDownLatch begun = new CountDownLatch(4);
        for (int i = 0; i < 4; i++) {
            Thread thread = new Thread(() -> {
                try {
                    while (true) {
                        classify(classifier, 16);
                        begun.countDown();
                    }
                } catch (ShutdownException e) {
                    say("refused");
                } catch (IllegalStateException e) {
                    say(String.valueOf(e.getMessage()));
                }
            });
            thread.setDaemon(true);
            thread.start();
        }
        begun.await();
    }

    private static void atExit(Runnable work) {
        Runtime.getRuntime().addShutdownHook(new Thread(work));
    }

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            say("interrupted");
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            say("interrupted");
        }
    }

    private static void ready() throws InterruptedException {
        say("ready");
        Thread.sleep(60_000); // until somebody ends it
    }

    private static void closedByAHook() throws InterruptedException {
        ElasticClassifier classifier = ElasticClassifier.open(MODEL);
        busy(classifier);
        atExit(() -> say("close " + outcome(classifier::close)));
        ready();
    }

    private static void classifiedInAHook() throws InterruptedException {
        ElasticClassifier classifier = ElasticClassifier.open(MODEL);
        busy(classifier);
        atExit(() -> {
            say("classify " + outcome(() -> classify(classifier, 1)));
            say("close " + outcome(classifier::close));
        });
        ready();
    }

    private static void poolDrainedInAHook() throws InterruptedException {
        ElasticClassifier classifier = ElasticClassifier.open(MODEL);
        ExecutorService pool = Executors.newFixedThreadPool(4);
        AtomicInteger ended = new AtomicInteger();
        for (int i = 0; i < 2_000; i++) {
            pool.execute(() -> {
                String how = outcome(() -> classify(classifier, 4));
                ended.incrementAndGet();
                if (!how.equals("done") && !how.equals("ShutdownException")) {
                    say(how);
                }
            });
        }
        atExit(() -> {
            pool.shutdown();
            try {
                say("drained " + pool.awaitTermination(30, TimeUnit.SECONDS) + " " + ended);
            } catch (InterruptedException e) {
                say("interrupted");
            }
            classifier.close();
        });
        while (ended.get() == 0) {
            Thread.sleep(1);
        }
        ready();
    }

    private static void openedInAHook(Path model) throws InterruptedException {
        atExit(() -> say("open " + outcome(() -> ElasticClassifier.open(model).close())));
        ready();
    }

    /** A hook closes the classifier, and one waits for the call whose router has called for the exit. */
    private static void exitInARouter(int pictures) {
        ElasticClassifier classifier = ElasticClassifier.open(MODEL);
        classifyAndClose(classifier, pictures, () -> System.exit(5));
    }

    /** Its router waits for what never comes, as for a connection that another hook has closed. */
    private static void stuckInARouter(int pictures) throws InterruptedException {
        ElasticClassifier classifier = ElasticClassifier.open(MODEL);
        CountDownLatch asked = new CountDownLatch(1);
        classifyAndClose(classifier, pictures, () -> {
            asked.countDown();
            await(new CountDownLatch(1));
        });
        asked.await();
        new Thread(() -> say("queued " + outcome(() -> classify(classifier, 1)))).start();
        ready();
    }

    /** Classifies pictures, which has begun when {@code begun} is, and is not done before {@code until} is. */
    private static void classify(ElasticClassifier classifier, int count, CountDownLatch begun, CountDownLatch until) {
        Router patient = new Router() {
            @Override
            public String id() {
                return "patient";
            }

            @Override
            public double measure(float[] probabilities) {
                begun.countDown();
                await(until);
                return 0;
            }

            @Override
            public boolean isSure(double measure, double threshold) {
                return true;
            }
        };
        classifier.classify(
                pictures(classifier, count), Collections.nCopies(count, "black"), StopPolicy.alwaysThink(patient));
    }

    private static void classifyAndClose(ElasticClassifier classifier, int pictures, Runnable routing) {
        Router router = new Router() {
            @Override
            public String id() {
                return "own";
            }

            @Override
            public double measure(float[] probabilities) {
                routing.run();
                return 0;
            }

            @Override
            public boolean isSure(double measure, double threshold) {
                return true;
            }
        };
        Thread caller = new Thread(() -> say("call "
                + outcome(() -> classifier.classify(
                        pictures(classifier, pictures),
                        Collections.nCopies(pictures, "black"),
                        StopPolicy.alwaysThink(router)))));
        atExit(() -> say("close " + outcome(classifier::close)));
        atExit(() -> join(caller));
        caller.start();
    }

    /** One update that takes half a minute. */
    private static void trained() throws InterruptedException {
        Recipe recipe = RecipeFile.with(
                Recipe.DEFAULT, Map.of("batch_size", 4096, "img_size", 32, "head_dim", 16, "precision", "fp32"));
        try (NestedNetwork network = NestedNetwork.initialise(recipe.network().config(2), 1);
                Trainer trainer = new Trainer(network, recipe)) {
            float[] targets = new float[4096 * 2];
            Arrays.fill(targets, 0.5f);
            Trainer.Part part = new Trainer.Part(
                    new float[4096 * 3 * 32 * 32],
                    targets,
                    IntStream.range(0, 4096).toArray());
            CompletableFuture<Void> training = CompletableFuture.runAsync(
                    () -> say("training " + outcome(() -> trainer.update(List.of(part), 1e-3))),
                    work -> new Thread(work).start());
            atExit(training::join); // for it to be heard
            Thread.sleep(2_000); // it is about its pictures then
            say("ready");
            training.join();
        }
    }

    private static void worksAtTheExit() throws InterruptedException {
        ProcessExit.beforeShutdown(() -> {
            throw new IllegalStateException("a work that fails");
        });
        ProcessExit.beforeShutdown(() -> say("second work"));
        CountDownLatch last = new CountDownLatch(1);
        ProcessExit.atShutdown(() -> {
            say("last work");
            last.countDown();
        });
        atExit(() -> {
            await(last);
            say("late " + outcome(() -> ProcessExit.beforeShutdown(() -> say("late work"))));
        });
        ready();
    }

    private static void abandoned() throws InterruptedException {
        AtomicInteger computed = new AtomicInteger();
        AtomicInteger gone = new AtomicInteger();
        AtomicInteger cancelled = new AtomicInteger();
        ComputeListener listener = new ComputeListener() {
            @Override
            public void computed(int images, int queued, long waitedNanos, long computedNanos) {
                computed.addAndGet(images);
            }

            @Override
            public void abandoned() {
                gone.incrementAndGet();
            }
        };
        try (ElasticClassifier classifier =
                ElasticClassifier.builder().listener(listener).open(MODEL)) {
            classify(classifier, 1);
            CountDownLatch begun = new CountDownLatch(1);
            CountDownLatch all = new CountDownLatch(1);
            Thread first = new Thread(() -> classify(classifier, 64, begun, all)); // who keeps the network busy
            first.start();
            begun.await();
            List<Thread> callers = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                Thread caller = new Thread(() -> {
                    try {
                        classify(classifier, 64);
                    } catch (CancellationException e) {
                        cancelled.incrementAndGet();
                    }
                });
                callers.add(caller);
                caller.start();
            }
            callers.forEach(Thread::interrupt);
            for (Thread caller : callers) {
                caller.join();
            }
            all.countDown();
            long start = System.nanoTime();
            classify(classifier, 1);
            say("next after " + (System.nanoTime() - start) / 1_000_000 + " ms");
            first.join();
        }
        say("cancelled " + cancelled + ", abandoned " + gone + ", computed " + computed);
    }

    private static void turns() throws InterruptedException {
        try (ElasticClassifier greedy = ElasticClassifier.open(MODEL);
                ElasticClassifier other = ElasticClassifier.open(MODEL)) {
            classify(greedy, 64);
            classify(other, 1);
            long start = System.nanoTime();
            Thread many = new Thread(() -> {
                classify(greedy, 3_200);
                say("many " + (System.nanoTime() - start) / 1_000_000);
            });
            many.start();
            Thread.sleep(50);
            long worst = 0;
            int turns = 0;
            while (many.isAlive()) {
                long before = System.nanoTime();
                classify(other, 1);
                worst = Math.max(worst, System.nanoTime() - before);
                turns++;
            }
            say("worst " + worst / 1_000_000 + " of " + turns);
        }
    }

    private static void full() throws InterruptedException {
        try (ElasticClassifier classifier = ElasticClassifier.builder().queue(3).open(MODEL)) {
            AtomicInteger done = new AtomicInteger();
            List<Thread> callers = new ArrayList<>();
            for (int i = 0; i < 50; i++) {
                callers.add(new Thread(() -> {
                    try {
                        classify(classifier, 64);
                        done.incrementAndGet();
                    } catch (QueueFullException e) {
                        say(e.model() + "|" + e.waiting() + "|" + e.getMessage());
                    }
                }));
            }
            callers.forEach(Thread::start);
            for (Thread caller : callers) {
                caller.join();
            }
            say("done " + done);
        }
    }

    /** A call of many steps, and when it has begun, others who fill the queue between each two of them. */
    private static void fullMeanwhile() throws InterruptedException {
        CountDownLatch begun = new CountDownLatch(1);
        AtomicBoolean done = new AtomicBoolean();
        try (ElasticClassifier classifier = ElasticClassifier.builder()
                .queue(1)
                .listener((images, queued, waitedNanos, computedNanos) -> begun.countDown())
                .open(Path.of("src/test/resources/reference/vit-3h-6h"))) {
            List<Thread> callers = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                callers.add(new Thread(() -> {
                    while (!done.get()) {
                        outcome(() -> classify(classifier, 1));
                    }
                }));
            }
            List<Request> requests = Collections.nCopies(600, Request.of(new BufferedImage(9, 9, 1)));
            Thread first = new Thread(() -> {
                say("steps " + outcome(() -> classify(classifier, 600)));
                say("batches "
                        + outcome(() -> {
                            List<Classification> seen = new ArrayList<>();
                            try (Stream<Classification> all = classifier.classify(requests.stream(), 20, e -> {})) {
                                all.forEach(seen::add);
                            } catch (QueueFullException e) {
                                if (!seen.isEmpty()) {
                                    throw e;
                                }
                            }
                        }));
                done.set(true);
            });
            first.start();
            begun.await();
            callers.forEach(Thread::start);
            first.join();
            for (Thread caller : callers) {
                caller.join();
            }
        }
    }

    private static void threads() {
        for (int i = 0; i < 3; i++) {
            try (ElasticClassifier first = ElasticClassifier.open(MODEL);
                    ElasticClassifier second = ElasticClassifier.open(MODEL)) {
                classify(first, 64);
                first.close();
                classify(second, 64);
                say("open " + ours());
            }
            say("closed " + ours() + hooks());
        }
    }

    /** How many cores it kept busy, in hundredths. */
    private static void cores(int threads) {
        try (ElasticClassifier classifier =
                ElasticClassifier.builder().threads(threads).open(MODEL)) {
            classify(classifier, 64);
            for (int i = 0; i < 50; i++) {
                classify(classifier, 1);
            }
            var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
            long cpu = system.getProcessCpuTime();
            long start = System.nanoTime();
            for (int i = 0; i < 10; i++) {
                classify(classifier, 64);
                classify(classifier, 1);
            }
            say("cores " + 100 * (system.getProcessCpuTime() - cpu) / (System.nanoTime() - start));
        }
    }

    private static void busyCore() throws IOException {
        try (ElasticClassifier classifier = ElasticClassifier.open(MODEL)) {
            median(classifier);
            long quiet = median(classifier);
            Process other = new ProcessBuilder("sh", "-c", "while :; do :; done").start();
            try {
                median(classifier);
                say("quiet " + quiet + ", busy " + median(classifier));
            } finally {
                other.destroyForcibly();
            }
        }
    }

    /** Of one picture, in microseconds. */
    private static long median(ElasticClassifier classifier) {
        long[] micros = new long[100];
        for (int i = 0; i < micros.length; i++) {
            long start = System.nanoTime();
            classify(classifier, 1);
            micros[i] = (System.nanoTime() - start) / 1_000;
        }
        Arrays.sort(micros);
        return micros[micros.length / 2];
    }

    /** Three times what a server does with an application: its own loader, above it one with the natives' bindings. */
    private static void redeployed() throws Exception {
        List<WeakReference<ClassLoader>> gone = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            ApplicationLoader loader = new ApplicationLoader();
            Thread.currentThread().setContextClassLoader(loader); // as while an application handles a request
            Class<?> application = loader.loadClass("dev.thinkingvit.inference.EmbeddingProgram$Application");
            ((Runnable) application.getDeclaredConstructor().newInstance()).run();
            Thread.currentThread().setContextClassLoader(null);
            loader.close();
            gone.add(new WeakReference<>(loader));
        }
        // Java 17 keeps the types of the last record that was compared, hashed or printed for the first time
        Server server = new Server("a");
        say(server + " " + server.hashCode() + server.equals(new Server("b")));
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60); // JNA's thread stays for 30
        while (System.nanoTime() < end && gone.stream().anyMatch(loader -> loader.get() != null)) {
            System.gc();
            Thread.sleep(50);
        }
        say("left " + gone.stream().filter(loader -> loader.get() != null).count() + ", " + ours() + hooks());
    }

    private record Server(String name) {}

    /** What runs in its own loader: everything but bytedeco's classes is loaded anew. */
    static final class ApplicationLoader extends URLClassLoader {
        ApplicationLoader() throws IOException {
            super(classPath(), new ClassLoader(ClassLoader.getPlatformClassLoader()) {
                @Override
                protected Class<?> findClass(String name) throws ClassNotFoundException {
                    if (name.startsWith("org.bytedeco.")) {
                        return EmbeddingProgram.class.getClassLoader().loadClass(name);
                    }
                    throw new ClassNotFoundException(name);
                }

                @Override
                public URL getResource(String name) {
                    return name.startsWith("org/bytedeco/")
                            ? EmbeddingProgram.class.getClassLoader().getResource(name)
                            : super.getResource(name);
                }
            });
        }

        private static URL[] classPath() throws IOException {
            List<URL> urls = new ArrayList<>();
            for (String entry : System.getProperty("java.class.path").split(File.pathSeparator, -1)) {
                urls.add(Path.of(entry).toUri().toURL());
            }
            return urls.toArray(URL[]::new);
        }
    }

    /** An application that is deployed, used and undeployed. */
    public static final class Application implements Runnable {
        public Application() {}

        @Override
        public void run() {
            try (ElasticClassifier classifier = ElasticClassifier.open(MODEL)) {
                classify(classifier, 64);
                say(String.valueOf(classifier.classify(Path.of("../samples/cat-0777.jpg"))));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private static long ours() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith("thinkingvit"))
                .count();
    }

    private static List<String> hooks() {
        try {
            var field = Class.forName("java.lang.ApplicationShutdownHooks").getDeclaredField("hooks");
            field.setAccessible(true);
            return ((java.util.Map<?, ?>) field.get(null))
                    .keySet().stream()
                            .map(thread -> ((Thread) thread).getName())
                            .filter(name -> name.startsWith("thinkingvit"))
                            .toList();
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }
}
