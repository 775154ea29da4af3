# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""What can go wrong, by name. Refusals have the names of docs/wire_format.md, "Errors"."""
from __future__ import annotations

from millrace.wire.Error import Error as _Numbers

NAMES: dict[int, str] = {number: name for name, number in vars(_Numbers).items()
                         if isinstance(number, int)}

RETRYABLE = frozenset({
    "throttled", "timed_out", "shutting_down", "unknown_topic", "unknown_partition", "not_leader",
    "fenced_leader_epoch", "unknown_leader_epoch", "topic_deleted", "storage_full",
    "storage_failed", "unknown_fetch_session", "invalid_fetch_session_epoch",
    # Made by this library:
    "unreachable", "disconnected", "buffer_full",
})


class MillraceError(Exception):
    """Everything this library raises.

    name:      stable, for programs: a name of docs/wire_format.md, or one of the library's own:
               unreachable, disconnected, protocol_violation, invalid_address, invalid_argument,
               buffer_full, closed, not_assigned, codec_missing.
    message:   a sentence for people.
    retryable: the same call may succeed later without anything being changed.
    """

    def __init__(self, name: str, message: str):
        super().__init__(f"{name}: {message}")
        self.name = name
        self.message = message

    @property
    def retryable(self) -> bool:
        return self.name in RETRYABLE


class BrokerError(MillraceError):
    """The broker refused a request or a part of it. `number` is what travelled."""

    def __init__(self, number: int, message: str, about: str = ""):
        name = NAMES.get(number, "unknown_server_error")
        text = message or name.replace("_", " ")
        super().__init__(name, f"{about}: {text}" if about else text)
        self.number = number


class ConnectionFailed(MillraceError):
    """unreachable, disconnected, timed_out, or protocol_violation: the connection was closed."""


class BatchError(MillraceError):
    """A stored batch cannot be read: corrupt_batch, or unsupported_batch."""


class ReadError(MillraceError):
    """A consumer cannot read on in one partition; its position stays where it is."""

    def __init__(self, name: str, message: str, topic: str, partition: int, offset: int):
        super().__init__(name, f"{topic}/{partition} at offset {offset}: {message}")
        self.topic = topic
        self.partition = partition
        self.offset = offset


def protocol_violation(what: str) -> ConnectionFailed:
    return ConnectionFailed("protocol_violation", what)


def invalid_argument(what: str) -> MillraceError:
    return MillraceError("invalid_argument", what)
