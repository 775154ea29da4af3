# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""The greeting that opens a connection: fixed layouts, no table. docs/wire_format.md, "hello"."""
from __future__ import annotations

import struct
from dataclasses import dataclass
from uuid import UUID

from millrace.errors import BrokerError, MillraceError, protocol_violation
from millrace.frame import API_VERSION, Api, padding

_REQUEST = struct.Struct("<HHI")
_RESPONSE = struct.Struct("<HHHH16siIIIII")
_RANGE = struct.Struct("<HHHH")


@dataclass(frozen=True)
class Hello:
    """What the broker says of itself."""
    cluster_id: UUID
    node_id: int
    request_bytes_max: int
    versions: dict[int, tuple[int, int]]
    broker_version: str

    def require(self, api: Api) -> None:
        """Errors: unsupported_api, unsupported_version."""
        low, high = self.versions.get(api, (0, 0))
        if high == 0:
            raise MillraceError("unsupported_api", f"the broker does not know {api.name.lower()}")
        if not low <= API_VERSION <= high:
            raise MillraceError("unsupported_version",
                                f"the broker speaks versions {low} to {high} of "
                                f"{api.name.lower()}, this client {API_VERSION}")


def encode_hello(name: str, version: str) -> bytes:
    """Requires: both are at most 128 bytes."""
    named, versioned = name.encode(), version.encode()
    data = _REQUEST.pack(len(named), len(versioned), 0) + named + versioned
    return data + padding(len(data))


def decode_hello(data: bytes) -> Hello:
    """Errors: what the broker refuses, authentication_required, protocol_violation."""
    if len(data) < _RESPONSE.size:
        raise protocol_violation("the answer to hello is too short")
    (error, message_bytes, api_count, version_bytes, cluster, node_id, request_bytes_max, _, _, _,
     authentication) = _RESPONSE.unpack_from(data)
    texts_at = _RESPONSE.size + api_count * _RANGE.size
    if texts_at + version_bytes + message_bytes > len(data):
        raise protocol_violation("the answer to hello is shorter than it says")
    message_at = texts_at + version_bytes
    version = data[texts_at:message_at].decode(errors="replace")
    message = data[message_at:message_at + message_bytes].decode(errors="replace")
    if error:
        raise BrokerError(error, message, "hello")
    if authentication:
        raise MillraceError("authentication_required",
                            "the broker wants authentication, which this client has not")
    versions = {}
    for row in range(api_count):
        api, low, high, _ = _RANGE.unpack_from(data, _RESPONSE.size + row * _RANGE.size)
        versions[api] = (low, high)
    return Hello(UUID(bytes=cluster), node_id, request_bytes_max, versions, version)
