package dev.thinkingvit.distributed;

import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.NullUnmarked;

/** What the processes that these tests start run: the argument says which behaviour. */
@NullUnmarked // a null fails the test
final class GroupMember {
    /** The pulse's silence in milliseconds, as a system property. */
    static final String SILENCE = "thinkingvit.test.silence";

    private GroupMember() {}

    public static void main(String[] args) throws Exception {
        try {
            act(args[0]);
        } catch (DistributedException e) {
            System.err.println(e.getMessage());
            System.exit(1);
        }
    }

    private static void act(String behaviour) throws Exception {
        if (behaviour.equals("print")) {
            System.out.println("cores " + Runtime.getRuntime().availableProcessors());
            System.out.print("no newline at the end");
            return;
        }
        Rendezvous rendezvous = Rendezvous.fromEnvironment(System.getenv()).orElseThrow();
        if (behaviour.equals("break") && rendezvous.rank() == 1) {
            System.err.println("first line\nsomething broke");
            System.exit(7);
        }
        Pulse pulse = new Pulse(
                Duration.ofMillis(200), Duration.ofMillis(Long.getLong(SILENCE, 20_000)), Duration.ofMillis(500));
        GroupOptions options = GroupOptions.defaults().joiningWithin(Duration.ofSeconds(60));
        new Scope().close(); // all natives are loaded: whoever is stopped later is stopped in the group
        try (ProcessGroup group = ProcessGroup.join(rendezvous, options, pulse)) {
            say("joined");
            switch (behaviour) {
                case "exchange" -> exchange(group);
                case "break", "forever" -> {
                    while (true) {
                        step(group);
                    }
                }
                case "leave" -> {
                    step(group);
                    if (group.rank() == 0) {
                        step(group);
                    }
                }
                case "slow" -> {
                    for (int i = 0; i < 12; i++) {
                        step(group);
                        Thread.sleep(100);
                    }
                    say("finished");
                }
                default -> throw new IllegalArgumentException(behaviour);
            }
        }
        say("closed");
    }

    private static void step(ProcessGroup group) {
        try (Scope scope = new Scope()) {
            group.sum(torch.ones(1000));
        }
    }

    private static void exchange(ProcessGroup group) {
        try (Scope scope = new Scope()) {
            for (ScalarType type : List.of(ScalarType.Float, ScalarType.Double, ScalarType.Long, ScalarType.BFloat16)) {
                Tensor ranks =
                        torch.ones(2, 3).mul(new Scalar(group.rank() + 1)).to(type);
                group.sum(ranks);
                say("sum " + Tensors.dtype(ranks) + " " + Arrays.toString(Tensors.toFloats(ranks)));
            }
            List<Tensor> buckets = new ArrayList<>();
            List<Collective> pending = new ArrayList<>();
            for (int bucket = 0; bucket < 8; bucket++) {
                Tensor values = torch.ones(100_000).mul(new Scalar(bucket + group.rank()));
                buckets.add(values);
                pending.add(group.startSum(values));
            }
            pending.forEach(Collective::await);
            say("buckets "
                    + buckets.stream()
                            .map(values -> Tensors.toFloats(values)[99_999])
                            .toList());
            Tensor weights = torch.ones(4).mul(new Scalar(group.rank() + 5));
            group.broadcast(weights, 1);
            say("broadcast " + Tensors.toFloats(weights)[3]);
            group.barrier();
            say("doubles " + Arrays.deepToString(group.gather(group.rank() + 0.1, Double.POSITIVE_INFINITY)));
            String name = "rank".substring(0, group.rank() + 1);
            StringBuilder names = new StringBuilder();
            for (byte[] bytes : group.gather(name.getBytes(StandardCharsets.UTF_8))) {
                names.append(new String(bytes, StandardCharsets.UTF_8)).append('|');
            }
            say("bytes " + names);
        }
        step(group);
        long before = Pointer.totalCount();
        for (int i = 0; i < 100; i++) {
            step(group);
            group.barrier();
        }
        // fewer than before: the collector found one of the joining's meanwhile
        say("native objects left behind: " + Math.max(0, Pointer.totalCount() - before));
    }

    private static void say(String line) {
        System.out.println(line);
    }
}
