package dev.thinkingvit.distributed;

import java.io.StreamCorruptedException;

/**
 * One message between process 0 and another.
 *
 * @param number a rank, or for {@link Kind#WELCOME} the store's port
 * @param size the sender's number of processes, in {@link Kind#HELLO}
 * @param text who, why or where
 */
record Frame(Kind kind, int number, int size, String text) {
    enum Kind {
        /** To process 0: rank, number of processes, host and process id. */
        HELLO('h'),
        /** From process 0: one process's rank, host and process id. */
        MEMBER('m'),
        /** From process 0: all have come; where the store is, and the receiver's own address. */
        WELCOME('w'),
        /** From process 0: you cannot join, and why. */
        REFUSED('r'),
        /** Both ways: I am alive. */
        BEAT('b'),
        /** From process 0: one process is gone; the whole sentence. */
        LOST('x'),
        /** To process 0: I cannot go on, and why. */
        FAILED('f'),
        /** Both ways: this process is done. */
        LEFT('l');

        private final char code;

        Kind(char code) {
            this.code = code;
        }

        /** What stands for it on the wire; ASCII. */
        int code() {
            return code;
        }

        static Kind of(int code) throws StreamCorruptedException {
            for (Kind kind : values()) {
                if (kind.code == code) {
                    return kind;
                }
            }
            throw new StreamCorruptedException("an unknown message: " + code);
        }
    }

    static Frame of(Kind kind) {
        return new Frame(kind, 0, 0, "");
    }

    static Frame of(Kind kind, String text) {
        return new Frame(kind, 0, 0, text);
    }

    static Frame of(Kind kind, int number, String text) {
        return new Frame(kind, number, 0, text);
    }
}
