// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
package millrace.foreign;

import java.util.HexFormat;
import org.apache.kafka.tools.api.Decoder;

/** Makes the dump tool print keys and values as they are, whatever bytes they hold. */
public final class HexText implements Decoder<String> {
    @Override
    public String fromBytes(byte[] bytes) {
        return HexFormat.of().formatHex(bytes);
    }
}
