// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
package millrace.foreign;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.record.FileLogInputStream.FileChannelRecordBatch;
import org.apache.kafka.common.record.FileRecords;
import org.apache.kafka.common.record.Record;

/**
 * Prints every record of segments as a line of JSON, as Kafka's own classes read them. Bytes are
 * hexadecimal.
 *
 * <p>usage: LOG...
 */
final class ReadSegments {
    private static final ObjectMapper JSON = new ObjectMapper();

    private ReadSegments() {}

    public static void main(String[] args) throws IOException {
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        for (String name : args) {
            try (FileRecords records = FileRecords.open(new File(name), false)) {
                for (FileChannelRecordBatch batch : records.batches()) {
                    batch.ensureValid();
                    for (Record record : batch) {
                        record.ensureValid();
                        out.println(JSON.writeValueAsString(rowOf(name, batch, record)));
                    }
                }
            }
        }
        out.flush();
    }

    private static ObjectNode rowOf(String file, FileChannelRecordBatch batch, Record record) {
        ObjectNode row = JSON.createObjectNode();
        row.put("file", file);
        row.put("codec", batch.compressionType().name);
        row.put("timestamp_type", batch.timestampType().name);
        row.put("offset", record.offset());
        row.put("timestamp", record.timestamp());
        row.put("key", hexOf(record.key()));
        row.put("value", hexOf(record.value()));
        ArrayNode headers = row.putArray("headers");
        for (Header header : record.headers()) {
            byte[] value = header.value();
            headers.addArray()
                    .add(header.key())
                    .add(value == null ? null : HexFormat.of().formatHex(value));
        }
        return row;
    }

    private static String hexOf(ByteBuffer from) {
        if (from == null) {
            return null;
        }
        byte[] bytes = new byte[from.remaining()];
        from.get(bytes);
        return HexFormat.of().formatHex(bytes);
    }
}
