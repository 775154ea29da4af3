// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
package millrace.foreign;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Map;
import org.apache.kafka.common.record.MemoryRecords;
import org.apache.kafka.common.record.RecordBatch;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.storage.internals.log.LogConfig;
import org.apache.kafka.storage.internals.log.LogSegment;

/** A segment with both indexes as Kafka's broker writes it. Closing seals it. */
final class KafkaSegment implements AutoCloseable {
    private final LogSegment segment;

    KafkaSegment(File folder, long baseOffset, int indexIntervalBytes) throws IOException {
        Files.createDirectories(folder.toPath());
        LogConfig config = new LogConfig(Map.of("index.interval.bytes", indexIntervalBytes));
        segment = LogSegment.open(folder, baseOffset, config, Time.SYSTEM, 0, false);
    }

    /** Appends one batch, which has its final offsets. */
    void append(MemoryRecords batch) throws IOException {
        RecordBatch only = batch.batches().iterator().next();
        segment.append(only.lastOffset(), batch);
    }

    @Override
    public void close() throws IOException {
        segment.onBecomeInactiveSegment();
        segment.flush();
        segment.close();
    }
}
