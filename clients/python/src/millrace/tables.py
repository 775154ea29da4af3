# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""What every request and response table has in common: building, and reading within limits.

The generated code checks nothing: counts are checked here before anything is made of them, and
whatever lies outside the table ends as protocol_violation.
"""
from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, NamedTuple, ParamSpec, TypeVar
from uuid import UUID

import flatbuffers

from millrace.errors import BrokerError, MillraceError, protocol_violation
from millrace.frame import TABLE_BYTES_MAX
from millrace.wire import RowMessage
from millrace.wire.ResponseHead import ResponseHead
from millrace.wire.Uuid import Uuid

P = ParamSpec("P")
T = TypeVar("T")

_TABLES_MAX = 100_000
_BYTES_MAX = 4 * TABLE_BYTES_MAX  # Read in all: parts of a table may be referred to repeatedly.
_HALF = (1 << 64) - 1


class Answer(NamedTuple):
    """A response as it came: neither part was looked into."""
    table: bytes
    payload: memoryview  # With the zeros that fill its frame.


class Budget:
    """How much may still be read of one response. One for each decoding."""

    def __init__(self, table: bytes):
        self._table_bytes = len(table)
        self._tables = _TABLES_MAX
        self._bytes = _BYTES_MAX

    def structs(self, count: int, size: int, row: Callable[[int], Any]) -> Iterator[Any]:
        """The rows of a vector of structs of `size` bytes."""
        self._take(count * size, 0)
        return map(row, range(count))

    def tables(self, count: int, row: Callable[[int], Any]) -> Iterator[Any]:
        self._take(count * 4, count)
        return map(row, range(count))

    def text(self, data: bytes | None) -> str:
        if data is None:
            return ""
        self._take(len(data), 0)
        return data.decode(errors="replace")

    def _take(self, size: int, tables: int) -> None:
        if size > self._table_bytes:
            raise protocol_violation("a vector is larger than the table it lies in")
        self._bytes -= size
        self._tables -= tables
        if self._bytes < 0 or self._tables < 0:
            raise protocol_violation("the response has more parts than a response may have")


def guarded(decode: Callable[P, T]) -> Callable[P, T]:
    """For functions that read a response: what cannot be read is a protocol_violation."""
    @wraps(decode)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return decode(*args, **kwargs)
        except (struct.error, TypeError, ValueError, IndexError, AttributeError) as why:
            raise protocol_violation(f"the response cannot be read: {why}") from None
    return call


def new_builder() -> flatbuffers.Builder:
    """A builder whose result is a multiple of 8 and aligned to it."""
    builder = flatbuffers.Builder(256)
    builder.minalign = 8
    return builder


def finish(builder: flatbuffers.Builder, root: int) -> bytes:
    """Errors: request_too_large."""
    builder.Finish(root)
    table = bytes(builder.Output())
    if len(table) > TABLE_BYTES_MAX:
        raise MillraceError("request_too_large", "the request names too much at once")
    return table


def build_vector(builder: flatbuffers.Builder, start: Callable[[Any, int], Any],
                 offsets: list[int]) -> int:
    """A vector of tables or strings that were built before."""
    start(builder, len(offsets))
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()


def build_structs(builder: flatbuffers.Builder, start: Callable[[Any, int], Any],
                  create: Callable[..., Any], rows: list[tuple]) -> int:
    """A vector of structs, each made by `create` from its fields."""
    start(builder, len(rows))
    for row in reversed(rows):
        create(builder, *row)
    return builder.EndVector()


def build_longs(builder: flatbuffers.Builder, start: Callable[[Any, int], Any],
                numbers: list[int]) -> int:
    start(builder, len(numbers))
    for number in reversed(numbers):
        builder.PrependInt64(number)
    return builder.EndVector()


def halves(uuid: UUID) -> tuple[int, int]:
    return uuid.int >> 64, uuid.int & _HALF


def uuid_of(row: Any) -> UUID:
    """Of a struct with a `topic`."""
    return read_uuid(row.Topic(Uuid()))


def read_uuid(value: Uuid | None) -> UUID:
    return UUID(int=value.High() << 64 | value.Low()) if value is not None else UUID(int=0)


@guarded
def read_head(table: bytes) -> tuple[int, str]:
    """Error and message of any response."""
    head = ResponseHead.GetRootAs(table)
    return head.Error(), Budget(table).text(head.Message())


def check_head(table: bytes, about: str) -> None:
    """Raises BrokerError when the request as a whole was refused."""
    error, message = read_head(table)
    if error:
        raise BrokerError(error, message, about)


def read_messages(response: Any, budget: Budget) -> dict[int, str]:
    """The texts of rows that are structs, by row."""
    messages: dict[int, str] = {}
    row: RowMessage.RowMessage
    for row in budget.tables(response.MessagesLength(), response.Messages):
        messages[row.Row()] = budget.text(row.Message())
    return messages


def row_error(number: int, message: str, about: str) -> BrokerError | None:
    """Of a row; `about` names it where the broker has sent no text."""
    return BrokerError(number, message, "" if message else about) if number else None
