// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
package millrace.foreign;

import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.apache.kafka.common.record.FileLogInputStream.FileChannelRecordBatch;
import org.apache.kafka.common.record.FileRecords;
import org.apache.kafka.common.record.MemoryRecords;

/**
 * Appends the batches of segments to segments of Kafka's, one by one, so that these have the
 * indexes that Kafka's broker makes.
 *
 * <p>usage: FOLDER INDEX_INTERVAL_BYTES LOG...
 */
final class IndexSegments {
    private IndexSegments() {}

    public static void main(String[] args) throws IOException {
        for (int i = 2; i < args.length; ++i) {
            File file = new File(args[i]);
            File folder = new File(args[0], file.getParentFile().getName());
            long base = Long.parseLong(file.getName().replace(".log", ""));
            try (FileRecords from = FileRecords.open(file, false);
                    KafkaSegment to = new KafkaSegment(folder, base, Integer.parseInt(args[1]))) {
                for (FileChannelRecordBatch batch : from.batches()) {
                    ByteBuffer bytes = ByteBuffer.allocate(batch.sizeInBytes());
                    batch.writeTo(bytes);
                    bytes.flip();
                    to.append(MemoryRecords.readableRecords(bytes));
                }
            }
        }
    }
}
