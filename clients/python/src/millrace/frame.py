# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Frames: a header of 24 bytes, a table, a payload. docs/wire_format.md, "Frame"."""
from __future__ import annotations

import struct
from enum import IntEnum
from typing import NamedTuple

from millrace.errors import protocol_violation

HEADER_BYTES = 24
TABLE_BYTES_MAX = 1 << 20
RESPONSE_BYTES_MAX = 64 << 20
API_VERSION = 1

_HEADER = struct.Struct("<IHBBHHIII")
_MAGIC = 0x524D
_VERSION = 1
_RESPONSE = 1
_ONE_WAY = 2


class Api(IntEnum):
    HELLO = 1
    DESCRIBE_CLUSTER = 10
    METADATA = 11
    DESCRIBE_CONFIGS = 12
    ALTER_CONFIGS = 13
    CREATE_TOPICS = 20
    DELETE_TOPICS = 21
    CREATE_PARTITIONS = 22
    DELETE_RECORDS = 23
    COMPACT_RECORDS = 24
    PRODUCE = 30
    FETCH = 31
    LIST_OFFSETS = 32
    APPEND_ATOMIC = 34


class ResponseHeader(NamedTuple):
    body_bytes: int  # What follows the header: table and payload.
    table_bytes: int
    api: int
    api_version: int
    correlation_id: int


def padding(size: int) -> bytes:
    """The zeros that make `size` a multiple of 8."""
    return bytes(-size % 8)


def encode_request(api: Api, correlation_id: int, table: bytes, payload: list[bytes],
                   one_way: bool = False) -> list[bytes]:
    """The frame in pieces. Requires: the table is at most TABLE_BYTES_MAX, a multiple of 8."""
    assert len(table) % 8 == 0 and len(table) <= TABLE_BYTES_MAX
    payload_bytes = sum(map(len, payload))
    zeros = padding(payload_bytes)
    total = HEADER_BYTES + len(table) + payload_bytes + len(zeros)
    header = _HEADER.pack(total - 4, _MAGIC, _VERSION, _ONE_WAY if one_way else 0, api,
                          API_VERSION, correlation_id, len(table), 0)
    return [header, table, *payload, zeros]


def decode_header(data: bytes) -> ResponseHeader:
    """Requires: HEADER_BYTES bytes. Errors: protocol_violation, before anything is allocated."""
    (frame_bytes, magic, version, flags, api, api_version, correlation_id, table_bytes,
     reserved) = _HEADER.unpack(data)
    if magic != _MAGIC or version != _VERSION:
        raise protocol_violation("the peer does not speak Millrace's protocol")
    if frame_bytes < 20 or frame_bytes > RESPONSE_BYTES_MAX or (frame_bytes + 4) % 8:
        raise protocol_violation(f"a response of {frame_bytes} bytes is not possible")
    body_bytes = frame_bytes + 4 - HEADER_BYTES
    if table_bytes % 8 or table_bytes > min(TABLE_BYTES_MAX, body_bytes):
        raise protocol_violation(f"a table of {table_bytes} bytes in {body_bytes} is not possible")
    if flags != _RESPONSE or reserved:
        raise protocol_violation("the frame is not a response")
    return ResponseHeader(body_bytes, table_bytes, api, api_version, correlation_id)
