// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
package millrace.peers;

import java.util.Locale;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The job of the row `peers`: keeps some thousand messages unacknowledged until the rate no longer
 * grows and then for the seconds that count, reads everything and checks it. Prints its figures as
 * one line of JSON.
 *
 * <p>Job PEER ADDRESS {both|produce} WARM_STEP_SECONDS SECONDS
 *
 * <p>Job PEER ADDRESS read WARM_COUNT COUNT
 */
public final class Job {
    private static final int UNACKNOWLEDGED_MAX = 4096;
    private static final int CLOCK_EVERY = 32;
    private static final int WARM_STEPS_MAX = 8;
    private static final double STILL_GROWS = 1.05;
    private static final long SETTLE_SECONDS = 120;

    private final Messages messages = new Messages();
    private final Semaphore room = new Semaphore(UNACKNOWLEDGED_MAX);
    private final AtomicLong acknowledged = new AtomicLong();
    private volatile Throwable failure;
    private final Peer peer;
    private long sent;

    private Job(Peer peer) {
        this.peer = peer;
    }

    public static void main(String[] words) throws Exception {
        try (Peer peer = open(words[0], words[1])) {
            Job job = new Job(peer);
            if (words[2].equals("read")) {
                job.read(Long.parseLong(words[3]), Long.parseLong(words[4]));
                System.out.println("{}");
            } else {
                job.produce(Double.parseDouble(words[3]), Double.parseDouble(words[4]),
                        words[2].equals("both"));
            }
        }
        System.exit(0);  // Whatever threads a client leaves.
    }

    private static Peer open(String name, String address) throws Exception {
        return switch (name) {
            case "kafka" -> new KafkaPeer(address);
            case "nats" -> new NatsPeer(address);
            case "rabbitmq" -> new RabbitPeer(address);
            default -> throw new IllegalArgumentException("no peer " + name);
        };
    }

    private void produce(double warmSeconds, double seconds, boolean alsoRead) throws Exception {
        peer.create();
        warmUp(warmSeconds);
        long warm = sent;
        double rate = sendFor(seconds);
        settle();
        double readRate = alsoRead ? read(warm, sent) : 0;
        System.out.printf(Locale.ROOT, "{\"warm\": %d, \"count\": %d, \"produced_per_second\": "
                + "%.1f, \"read_per_second\": %.1f}%n", warm, sent, rate, readRate);
    }

    private void warmUp(double stepSeconds) throws Exception {
        double best = 0;
        for (int step = 0; step < WARM_STEPS_MAX; ++step) {
            double rate = sendFor(stepSeconds);
            if (rate < best * STILL_GROWS) return;
            best = rate;
        }
    }

    /** Returns the acknowledgements a second. */
    private double sendFor(double seconds) throws Exception {
        long before = acknowledged.get();
        long start = System.nanoTime();
        do {
            for (int i = 0; i < CLOCK_EVERY; ++i) {
                room.acquire();
                peer.send(messages.message(sent++), this::done);
            }
        } while (since(start) < seconds);
        return (acknowledged.get() - before) / since(start);
    }

    private void done(Throwable error) {
        if (error != null) failure = error;
        acknowledged.incrementAndGet();
        room.release();
    }

    private void settle() throws Exception {
        if (!room.tryAcquire(UNACKNOWLEDGED_MAX, SETTLE_SECONDS, TimeUnit.SECONDS)) {
            throw new IllegalStateException("acknowledgements are missing");
        }
        if (failure != null) throw new IllegalStateException("a message failed", failure);
    }

    /** Checks all; returns the messages a second of those after the first `warm`. */
    private double read(long warm, long count) throws Exception {
        long[] seen = {0};
        long[] start = {0};
        peer.read(message -> {
            messages.check(message, seen[0]);
            if (++seen[0] == warm) start[0] = System.nanoTime();
            return seen[0] < count;
        });
        if (seen[0] != count) {
            throw new IllegalStateException("only " + seen[0] + " of " + count + " were stored");
        }
        return (count - warm) / since(start[0]);
    }

    private static double since(long start) {
        return (System.nanoTime() - start) / 1e9;
    }
}
