# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Writing record batches: Kafka's RecordBatch, magic 2, big endian."""
from __future__ import annotations

import struct
from collections.abc import Iterable

from millrace.codecs import compress
from millrace.crc32c import crc32c
from millrace.types import Compression

# Base offset, bytes that follow, leader epoch, magic, CRC; what the CRC covers: attributes, last
# offset delta, first and largest timestamp, producer id and epoch, sequence, number of records.
HEAD = struct.Struct(">qiibI")
COVERED = struct.Struct(">hiqqqhii")
BATCH_HEADER_BYTES = HEAD.size + COVERED.size  # 61
COVERED_AT = HEAD.size
LENGTH_COUNTS_FROM = 12  # The bytes before and of the length itself.
MAGIC = 2
CODEC_MASK = 0x07
LOG_APPEND_TIME = 0x08
CONTROL = 0x20


def varint(value: int) -> bytes:
    """Zigzag, then seven bits a byte, lowest first."""
    value = (value << 1) ^ (value >> 63)
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def encode_record(offset_delta: int, timestamp_delta: int, key: bytes | None, value: bytes | None,
                  headers: Iterable[tuple[bytes, bytes | None]]) -> bytes:
    parts = [b"\x00", varint(timestamp_delta), varint(offset_delta)]
    for data in (key, value):
        parts += (b"\x01",) if data is None else (varint(len(data)), data)
    listed = tuple(headers)
    parts.append(varint(len(listed)))
    for name, data in listed:
        parts += (varint(len(name)), name)
        parts += (b"\x01",) if data is None else (varint(len(data)), data)
    body = b"".join(parts)
    return varint(len(body)) + body


class BatchBuilder:
    """Collects records for one batch. Lifecycle: add at least one, then finish once."""

    def __init__(self) -> None:
        self._records = bytearray()
        self.timestamps: list[int] = []

    def __len__(self) -> int:
        return len(self.timestamps)

    @property
    def size(self) -> int:
        """Bytes of the batch, uncompressed."""
        return BATCH_HEADER_BYTES + len(self._records)

    def add(self, timestamp_ms: int, key: bytes | None, value: bytes | None,
            headers: Iterable[tuple[bytes, bytes | None]] = ()) -> None:
        first = self.timestamps[0] if self.timestamps else timestamp_ms
        self._records += encode_record(len(self.timestamps), timestamp_ms - first, key, value,
                                       headers)
        self.timestamps.append(timestamp_ms)

    def finish(self, codec: Compression = Compression.NONE) -> bytes:
        """The batch as it travels: base offset 0, no producer."""
        records = compress(codec, bytes(self._records))
        covered = COVERED.pack(codec, len(self.timestamps) - 1, self.timestamps[0],
                               max(self.timestamps), -1, -1, -1, len(self.timestamps)) + records
        length = BATCH_HEADER_BYTES - LENGTH_COUNTS_FROM + len(records)
        return HEAD.pack(0, length, -1, MAGIC, crc32c(covered)) + covered
