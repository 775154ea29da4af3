// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
package millrace.peers;

/** A broker behind its own client: one stream of one partition, which this object may make. */
interface Peer extends AutoCloseable {
    /** Makes the stream. */
    void create() throws Exception;

    /** Queues a message. `done` runs once, on any thread, with null or the error. */
    void send(byte[] message, Done done) throws Exception;

    /** Gives all messages to the reader in order, from the first, until it has had enough. */
    void read(Reader reader) throws Exception;

    interface Done {
        void run(Throwable error);
    }

    interface Reader {
        /** Returns false when it wants no more. */
        boolean take(byte[] message);
    }
}
