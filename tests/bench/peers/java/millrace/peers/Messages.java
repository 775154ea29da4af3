// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
package millrace.peers;

import java.nio.ByteBuffer;
import java.util.Arrays;

/** The messages of the job: the same bytes as those of tests/bench/peer_job.cc. */
final class Messages {
    static final int BYTES = 1024;
    private static final int NUMBER_BYTES = 8;
    private static final int BODIES = 64;

    private final byte[][] bodies = new byte[BODIES][];

    Messages() {
        for (int i = 0; i < BODIES; ++i) bodies[i] = body(i);
    }

    /** The number, noise up to the half, and a text that compresses well. */
    byte[] message(long number) {
        byte[] message = bodies[(int) (number % BODIES)].clone();
        ByteBuffer.wrap(message).putLong(number);
        return message;
    }

    /** Throws unless this is the message of that number. */
    void check(byte[] message, long number) {
        byte[] body = bodies[(int) (number % BODIES)];
        if (message.length != BYTES || ByteBuffer.wrap(message).getLong() != number
                || !Arrays.equals(message, NUMBER_BYTES, BYTES, body, NUMBER_BYTES, BYTES)) {
            throw new IllegalStateException("message " + number
                    + " came back changed or at another place");
        }
    }

    private static byte[] body(int index) {
        byte[] body = new byte[BYTES];
        long state = index + 1;
        for (int i = NUMBER_BYTES; i < BYTES / 2; ++i) {
            state ^= state << 13;
            state ^= state >>> 7;
            state ^= state << 17;
            body[i] = (byte) (state >>> 32);
        }
        byte[] text = "a message that says little ".getBytes();
        for (int i = BYTES / 2; i < BYTES; ++i) body[i] = text[i % text.length];
        return body;
    }
}
