// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
package millrace.foreign;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.RecordBatch;
import org.apache.kafka.common.record.SimpleRecord;

/** The shared batches, as the driver has spelt them out: bytes are hexadecimal, or null. */
final class Vectors {
    /** One batch. Its append time is NO_TIMESTAMP where the records keep their own. */
    record Vector(String name, long appendTime, List<SimpleRecord> records) {}

    private Vectors() {}

    static List<Vector> read(String file) throws IOException {
        List<Vector> vectors = new ArrayList<>();
        for (JsonNode vector : new ObjectMapper().readTree(new File(file))) {
            List<SimpleRecord> records = new ArrayList<>();
            for (JsonNode record : vector.get("records")) {
                records.add(recordOf(record));
            }
            JsonNode appendTime = vector.get("append_time");
            vectors.add(new Vector(
                    vector.get("name").asText(),
                    appendTime.isNull() ? RecordBatch.NO_TIMESTAMP : appendTime.asLong(),
                    records));
        }
        return vectors;
    }

    private static SimpleRecord recordOf(JsonNode record) {
        List<Header> headers = new ArrayList<>();
        for (JsonNode header : record.get("headers")) {
            headers.add(new RecordHeader(header.get(0).asText(), bytesOf(header.get(1))));
        }
        return new SimpleRecord(
                record.get("timestamp").asLong(),
                bytesOf(record.get("key")),
                bytesOf(record.get("value")),
                headers.toArray(new Header[0]));
    }

    private static byte[] bytesOf(JsonNode hex) {
        return hex.isNull() ? null : HexFormat.of().parseHex(hex.asText());
    }
}
