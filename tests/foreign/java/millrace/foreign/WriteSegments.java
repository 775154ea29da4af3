// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
package millrace.foreign;

import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.CompressionType;
import org.apache.kafka.common.record.MemoryRecords;
import org.apache.kafka.common.record.MemoryRecordsBuilder;
import org.apache.kafka.common.record.RecordBatch;
import org.apache.kafka.common.record.SimpleRecord;
import org.apache.kafka.common.record.TimestampType;

/**
 * Writes the vectors with every codec, a batch each: FOLDER/CODEC-0/00000000000000000000.log.
 *
 * <p>usage: VECTORS FOLDER INDEX_INTERVAL_BYTES
 */
final class WriteSegments {
    private WriteSegments() {}

    public static void main(String[] args) throws IOException {
        List<Vectors.Vector> vectors = Vectors.read(args[0]);
        for (CompressionType codec : CompressionType.values()) {
            long next = 0;
            File folder = new File(args[1], codec.name + "-0");
            try (KafkaSegment segment = new KafkaSegment(folder, 0, Integer.parseInt(args[2]))) {
                for (Vectors.Vector vector : vectors) {
                    segment.append(batchOf(vector, codec, next));
                    next += vector.records().size();
                }
            }
        }
    }

    private static MemoryRecords batchOf(Vectors.Vector vector, CompressionType codec, long base) {
        TimestampType type = vector.appendTime() == RecordBatch.NO_TIMESTAMP
                ? TimestampType.CREATE_TIME
                : TimestampType.LOG_APPEND_TIME;
        try (MemoryRecordsBuilder builder = MemoryRecords.builder(
                ByteBuffer.allocate(1024),
                RecordBatch.CURRENT_MAGIC_VALUE,
                Compression.of(codec).build(),
                type,
                base,
                vector.appendTime())) {
            for (SimpleRecord record : vector.records()) {
                builder.append(record);
            }
            return builder.build();
        }
    }
}
