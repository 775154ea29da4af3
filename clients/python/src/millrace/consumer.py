# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Reads partitions of its own choice from any position."""
from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import sleep
from typing import get_args

from millrace.calls_data import FetchAnswer, Fetched, FetchFrom, Part, decode_fetch, encode_fetch
from millrace.client import Client
from millrace.connection import Connection
from millrace.errors import (BrokerError, ConnectionFailed, MillraceError, ReadError,
                             invalid_argument)
from millrace.fetch_session import FetchSession
from millrace.frame import RESPONSE_BYTES_MAX, Api
from millrace.partition_reader import OnOutOfRange, PartitionReader
from millrace.positions import find_places
from millrace.tables import Answer
from millrace.timing import Backoff, Deadline
from millrace.types import Position, Record, TopicPartition

_SESSION_GONE = ("unknown_fetch_session", "invalid_fetch_session_epoch")


@dataclass(frozen=True, kw_only=True)
class ConsumerOptions:
    """Times in seconds."""
    fetch_bytes_max: int = 8 << 20      # One answer; a single larger batch still comes.
    partition_bytes_max: int = 1 << 20  # Of one partition in an answer.
    fetch_bytes_min: int = 1            # The broker waits for this much ...
    fetch_wait_max: float = 0.5         # ... at most this long.
    poll_records_max: int = 10_000
    decompressed_bytes_max: int = 128 << 20  # Of one batch.
    on_out_of_range: OnOutOfRange = "fail"
    check_crc: bool = True

    def check(self) -> None:
        """Errors: invalid_argument."""
        for name in ("fetch_bytes_max", "partition_bytes_max"):
            if not 0 < getattr(self, name) <= RESPONSE_BYTES_MAX:
                raise invalid_argument(f"{name} must be from 1 to {RESPONSE_BYTES_MAX}")
        if self.poll_records_max < 1 or self.fetch_bytes_min < 0 or self.fetch_wait_max < 0 \
                or self.decompressed_bytes_max < 1:
            raise invalid_argument("an option is below what is possible")
        if self.on_out_of_range not in get_args(OnOutOfRange):
            raise invalid_argument("on_out_of_range is fail, start or end")


class Consumer:
    """
    Lifecycle: open, assign, poll as long as wanted, close(); the end of a `with` closes.
    Thread:    one at a time.
    Order:     records of a partition come in offset order, each once; offsets may have holes.
    Errors:    ReadError for a partition: its position stays, so that the caller may seek past it.
               Lost connections are not reported: poll() goes on trying; last_error says why
               nothing comes.
    """

    def __init__(self, client: Client, options: ConsumerOptions | None = None):
        """Errors: invalid_argument."""
        self._client = client
        self._options = options or ConsumerOptions()
        self._options.check()
        self._assigned: dict[TopicPartition, PartitionReader] = {}
        self._by_part: dict[Part, PartitionReader] = {}
        self._ready: deque[PartitionReader] = deque()  # Those with something fetched or an error.
        self._session = FetchSession()
        self._connection: Connection | None = None
        self._backoff = Backoff()
        self._closed = False
        self.last_error: MillraceError | None = None

    def __enter__(self) -> Consumer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._closed = True
        self._disconnect()

    def assign(self, assignments: Sequence[tuple[str, int, Position]]) -> None:
        """Reads exactly these (topic, partition, position) from now on.
        Errors: unknown_topic, unknown_partition, invalid_argument, unreachable, timed_out: the
        assignment is then as before."""
        wanted = [(TopicPartition(topic, partition), position)
                  for topic, partition, position in assignments]
        if len({where for where, _ in wanted}) != len(wanted):
            raise invalid_argument("a partition is assigned twice")
        assigned = [PartitionReader(place.where, place.part, place.offset)
                    for place in find_places(self._client, wanted)]
        self._assigned = {one.where: one for one in assigned}
        self._by_part = {one.part: one for one in assigned}
        self._ready.clear()

    def assign_topic(self, topic: str, position: Position = Position.start()) -> None:
        """All partitions the topic has now. Errors: as assign()."""
        count = self._client.topic(topic, age_max=0.0).partitions
        self.assign([(topic, partition, position) for partition in range(count)])

    def seek(self, topic: str, partition: int, position: Position) -> None:
        """Errors: as assign(), and not_assigned."""
        one = self._one(topic, partition)
        (place,) = find_places(self._client, [(one.where, position)])
        one.move_to(place.offset)
        if one in self._ready:
            self._ready.remove(one)

    @property
    def assignment(self) -> list[TopicPartition]:
        return list(self._assigned)

    def position(self, topic: str, partition: int) -> int:
        """Offset of the next record. Errors: not_assigned."""
        return self._one(topic, partition).offset

    def high_watermark(self, topic: str, partition: int) -> int:
        """End of what is visible as of the last answer; -1 before it. Errors: not_assigned."""
        return self._one(topic, partition).high_watermark

    def poll(self, timeout: float = 1.0) -> list[Record]:
        """Waits for records, at most `timeout` seconds; none in time is an empty list.

        Errors: ReadError with corrupt_batch, unsupported_batch, codec_missing, damaged_range,
        offset_out_of_range, log_truncated, topic_deleted, unknown_topic, unknown_partition.
        What the broker refuses for good: as unsupported_version, malformed_request.
        """
        if self._closed:
            raise MillraceError("closed", "the consumer was closed")
        deadline = Deadline(timeout)
        while True:
            records = self._hand_out()
            if records or not self._assigned:
                return records
            self._fetch(deadline)
            if deadline.passed():
                return self._hand_out()

    def __iter__(self) -> Iterator[Record]:
        """Records, for ever."""
        while True:
            yield from self.poll()

    def until_end(self) -> Iterator[Record]:
        """Everything that is visible now; what comes meanwhile may be among it."""
        ends = {where: place.offset for where, place in zip(self._assigned, find_places(
            self._client, [(where, Position.end()) for where in self._assigned]))}
        while any(self._assigned[where].offset < end for where, end in ends.items()
                  if where in self._assigned):
            yield from self.poll()

    def _one(self, topic: str, partition: int) -> PartitionReader:
        one = self._assigned.get(TopicPartition(topic, partition))
        if one is None:
            raise MillraceError("not_assigned", f"{topic}/{partition} is not read here")
        return one

    # What was fetched.

    def _hand_out(self) -> list[Record]:
        """Records that are here; else the error that is."""
        records: list[Record] = []
        while self._ready and len(records) < self._options.poll_records_max:
            one = self._ready[0]
            try:
                if not one.read_into(records, self._options.poll_records_max,
                                     self._options.check_crc,
                                     self._options.decompressed_bytes_max):
                    self._ready.popleft()
            except MillraceError as why:
                if records:
                    one.error = why  # For the next poll.
                    return records
                self._ready.popleft()
                place = one.offset
                one.move_to(place)
                raise ReadError(why.name, why.message, *one.where, place) from None
        return records

    # Fetching.

    def _fetch(self, deadline: Deadline) -> None:
        """One poll of the broker; nothing is left of what was fetched before."""
        wait = min(self._options.fetch_wait_max, deadline.left())
        try:
            answer = self._ask(wait)
        except BrokerError as why:
            self._session.lost()
            if not why.retryable:
                raise
            self._pause(why, deadline, why.name in _SESSION_GONE)
        except ConnectionFailed as why:
            self._pause(why, deadline, False)
        else:
            self.last_error = None
            self._backoff.reset()
            for row in answer.rows:
                self._take(self._by_part[row.part], row)

    def _ask(self, wait: float) -> FetchAnswer:
        if self._connection is None or self._connection.closed:
            self._disconnect()
            self._connection = self._client.connect(max(1.0, wait))
        poll = self._session.next([
            FetchFrom(one.part, one.offset, one.leader_epoch, self._options.partition_bytes_max)
            for one in self._assigned.values()])
        table = encode_fetch(poll.session_id, poll.session_epoch, int(wait * 1000),
                             self._options.fetch_bytes_min, self._options.fetch_bytes_max,
                             poll.partitions, poll.forgotten)

        def decode(answer: Answer) -> FetchAnswer:
            fetched = decode_fetch(answer)
            self._session.answered(fetched)
            return fetched

        return self._connection.call(Api.FETCH, table, decode,
                                     wait + self._client.request_timeout)

    def _take(self, one: PartitionReader, row: Fetched) -> None:
        one.accept(row, self._options.on_out_of_range)
        if row.error is not None and row.error.name in ("unknown_topic", "topic_deleted"):
            self._client.forget_topic(one.where.topic)
        if one.has_something():
            self._ready.append(one)

    def _pause(self, why: MillraceError, deadline: Deadline, at_once: bool) -> None:
        """Before the next try."""
        self.last_error = why
        if not at_once:
            sleep(min(self._backoff.next(), deadline.left()))

    def _disconnect(self) -> None:
        self._session.lost()
        if self._connection is not None:
            self._connection.close()
            self._connection = None
