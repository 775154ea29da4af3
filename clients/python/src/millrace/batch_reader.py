# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Reading record batches. Every length is checked before it is used: a batch is foreign data."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from millrace.batch import (BATCH_HEADER_BYTES, CODEC_MASK, CONTROL, COVERED, COVERED_AT, HEAD,
                            LENGTH_COUNTS_FROM, LOG_APPEND_TIME, MAGIC)
from millrace.codecs import decompress
from millrace.crc32c import crc32c
from millrace.errors import BatchError
from millrace.types import Compression, Headers, Record

_RECORD_BYTES_MIN = 7  # Its length and six fields of at least a byte.


@dataclass(frozen=True, slots=True)
class Batch:
    """A whole batch whose header holds together; its records are still encoded."""
    base_offset: int
    last_offset: int
    leader_epoch: int
    attributes: int
    first_timestamp: int
    largest_timestamp: int
    records: int
    data: memoryview
    size: int  # With its header.


def read_batch(data: memoryview, check_crc: bool = True) -> Batch:
    """The batch at the beginning of `data`. Errors: corrupt_batch, unsupported_batch."""
    if len(data) < BATCH_HEADER_BYTES:
        raise _corrupt("it is shorter than its header")
    base_offset, length, leader_epoch, magic, crc = HEAD.unpack_from(data)
    size = length + LENGTH_COUNTS_FROM
    if magic != MAGIC:
        raise BatchError("unsupported_batch", f"the batch has format {magic}, not {MAGIC}")
    if size < BATCH_HEADER_BYTES or size > len(data):
        raise _corrupt(f"{size} bytes of {len(data)} are not possible")
    if check_crc and crc32c(data[COVERED_AT:size]) != crc:
        raise _corrupt("its checksum is wrong")
    attributes, last_delta, first, largest, _, _, _, records = COVERED.unpack_from(data, COVERED_AT)
    if base_offset < 0 or last_delta < 0 or not 0 <= records <= last_delta + 1:
        raise _corrupt(f"offset {base_offset}, {records} records up to {last_delta} more: "
                       "that is not possible")
    return Batch(base_offset, base_offset + last_delta, leader_epoch, attributes, first, largest,
                 records, data[BATCH_HEADER_BYTES:size], size)


def read_records(batch: Batch, topic: str, partition: int, from_offset: int,
                 decompressed_bytes_max: int) -> Iterator[Record]:
    """The batch's records at or above `from_offset`. Nothing of a control batch is a record.

    Errors: corrupt_batch (also when it holds more than `decompressed_bytes_max`),
            unsupported_batch, codec_missing.
    """
    if batch.attributes & CONTROL or batch.last_offset < from_offset:
        return
    codec = batch.attributes & CODEC_MASK
    if codec not in Compression.__members__.values():
        raise BatchError("unsupported_batch", f"compression {codec} is not known")
    data = decompress(Compression(codec), batch.data, decompressed_bytes_max)
    if batch.records > len(data) // _RECORD_BYTES_MIN:
        raise _corrupt(f"{len(data)} bytes cannot hold {batch.records} records")
    append_time = batch.largest_timestamp if batch.attributes & LOG_APPEND_TIME else None
    at = 0
    last = batch.base_offset - 1
    try:
        for _ in range(batch.records):
            length, at = _varint(data, at)
            end = at + length
            if length < _RECORD_BYTES_MIN - 1 or end > len(data):
                raise _corrupt("a record does not fit into it")
            time_delta, at = _varint(data, at + 1)
            offset_delta, at = _varint(data, at)
            offset = batch.base_offset + offset_delta
            if not last < offset <= batch.last_offset:
                raise _corrupt("its offsets do not ascend")
            last = offset
            key, at = _bytes(data, at, end)
            value, at = _bytes(data, at, end)
            headers, at = _headers(data, at, end)
            if at != end:
                raise _corrupt("a record's length is wrong")
            if offset >= from_offset:
                timestamp = batch.first_timestamp + time_delta
                yield Record(topic, partition, offset,
                             timestamp if append_time is None else append_time, key, value,
                             headers)
    except (IndexError, UnicodeDecodeError):
        raise _corrupt("a record cannot be read") from None
    if at != len(data):
        raise _corrupt("bytes are left behind its records")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """The value and where it ends. Raises IndexError at the end of the data."""
    byte = data[at]
    at += 1
    if byte < 0x80:
        return (byte >> 1) ^ -(byte & 1), at
    value = byte & 0x7F
    shift = 7
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
        if shift > 63:
            raise _corrupt("a number is too long")
    return (value >> 1) ^ -(value & 1), at


def _bytes(data: bytes, at: int, end: int) -> tuple[bytes | None, int]:
    length, at = _varint(data, at)
    if length == -1:
        return None, at
    if length < 0 or at + length > end:
        raise _corrupt("a field does not fit into its record")
    return data[at:at + length], at + length


def _headers(data: bytes, at: int, end: int) -> tuple[Headers, int]:
    count, at = _varint(data, at)
    if count < 0 or 2 * count > end - at:  # Each has two lengths.
        raise _corrupt(f"{count} headers do not fit into a record")
    headers: Headers = []
    for _ in range(count):
        name, at = _bytes(data, at, end)
        if name is None:
            raise _corrupt("a header has no name")
        value, at = _bytes(data, at, end)
        headers.append((name.decode(), value))
    return headers, at


def _corrupt(what: str) -> BatchError:
    return BatchError("corrupt_batch", f"the batch is damaged: {what}")
