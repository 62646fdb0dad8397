package dev.thinkingvit.distributed;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.Random;

final class Ports {
    private Ports() {}

    /** A port of the loopback address that no outgoing connection takes in the meantime. */
    static int free() throws IOException {
        Random random = new Random();
        while (true) {
            int port = 20_000 + random.nextInt(12_000);
            try (ServerSocket probe = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
                return probe.getLocalPort();
            } catch (java.net.BindException e) {
                // another one
            }
        }
    }
}
