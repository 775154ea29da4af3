# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""What a producer holds until it is acknowledged: batches in the making, one row a partition.

Only data: the producer holds its lock around every call.
"""
from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future

from millrace.batch import BatchBuilder
from millrace.batch_reader import read_batch, read_records
from millrace.types import Compression, TopicPartition

RECORD_BYTES = 96  # What a record costs besides its bytes, roughly.
ROW_BYTES = 32     # What a batch costs in a request besides its bytes.
ROWS_MAX = 10_000  # Of a request.


class PendingBatch:
    """Records of one partition that are sent, and sent again, together."""

    def __init__(self, place: TopicPartition, now: float, deadline: float):
        self.place = place
        self.builder = BatchBuilder()
        self.futures: list[Future] = []
        self.memory = 0  # Bytes of the buffer that its records take.
        self.made_at = now
        self.deadline = deadline
        self.not_before = now
        self.tries = 0
        self.closed = False  # Takes no more records.
        self._encoded: bytes | None = None

    def encoded(self, codec: Compression) -> bytes:
        """The batch as it travels; the same bytes at every try."""
        if self._encoded is None:
            self._encoded = self.builder.finish(codec)
        return self._encoded

    def split(self) -> tuple[PendingBatch, PendingBatch]:
        """Its records in two batches, in order. Requires: it has more than one."""
        data = memoryview(self.builder.finish())
        middle = len(self.futures) // 2
        parts = []
        for begin, end in ((0, middle), (middle, len(self.futures))):
            part = PendingBatch(self.place, self.made_at, self.deadline)
            part.futures = self.futures[begin:end]
            part.closed = True
            parts.append(part)
        for record in read_records(read_batch(data), *self.place, 0, len(data)):
            builder = parts[record.offset >= middle].builder
            builder.add(record.timestamp_ms, record.key, record.value,
                        [(name.encode(), value) for name, value in record.headers])
        parts[0].memory = self.memory // 2
        parts[1].memory = self.memory - parts[0].memory
        return parts[0], parts[1]


class Accumulator:
    """Batches that wait to be sent, in the order of their records."""

    def __init__(self, batch_bytes: int, linger: float, delivery_timeout: float):
        self._batch_bytes = batch_bytes
        self._linger = linger
        self._delivery_timeout = delivery_timeout
        self._rows: dict[TopicPartition, deque[PendingBatch]] = {}

    def __bool__(self) -> bool:
        return bool(self._rows)

    def __iter__(self) -> Iterator[PendingBatch]:
        for row in self._rows.values():
            yield from row

    def append(self, place: TopicPartition, now: float, timestamp_ms: int, key: bytes | None,
               value: bytes | None, headers: Iterable[tuple[bytes, bytes | None]],
               memory: int) -> tuple[Future, bool]:
        """The record's future, and whether a batch of the partition was closed for it."""
        row = self._rows.setdefault(place, deque())
        closed = False
        if row and not row[-1].closed:
            batch = row[-1]
            if batch.builder.size + memory > self._batch_bytes:
                batch.closed = closed = True
        if not row or row[-1].closed:
            row.append(PendingBatch(place, now, now + self._delivery_timeout))
        batch = row[-1]
        batch.builder.add(timestamp_ms, key, value, headers)
        batch.memory += memory
        future: Future = Future()
        # The record is the producer's now: nobody takes it back.
        future.set_running_or_notify_cancel()
        batch.futures.append(future)
        return future, closed

    def take(self, now: float, bytes_max: int) -> list[PendingBatch]:
        """The first batch of each partition where it is due, as many as go into one request (at
        least one). They take no more records."""
        taken: list[PendingBatch] = []
        left = bytes_max
        for place, row in list(self._rows.items()):
            batch = row[0]
            if self._due(row) > now or len(taken) == ROWS_MAX:
                continue
            size = batch.builder.size + ROW_BYTES
            if taken and size > left:
                continue
            left -= size
            batch.closed = True
            taken.append(batch)
            row.popleft()
            # To the end, so that the others come first next time.
            del self._rows[place]
            if row:
                self._rows[place] = row
        return taken

    def put_back(self, batch: PendingBatch) -> None:
        """Before all others of its partition."""
        self._rows.setdefault(batch.place, deque()).appendleft(batch)

    def take_expired(self, now: float) -> list[PendingBatch]:
        return self.take_where(lambda batch: batch.deadline <= now)

    def take_where(self, condition: Callable[[PendingBatch], bool]) -> list[PendingBatch]:
        taken = [batch for batch in self if condition(batch)]
        for batch in taken:
            batch.closed = True
            row = self._rows[batch.place]
            row.remove(batch)
            if not row:
                del self._rows[batch.place]
        return taken

    def next_time(self) -> float | None:
        """When there is something to do at the latest; None: nothing waits."""
        times = [min(self._due(row), min(batch.deadline for batch in row))
                 for row in self._rows.values()]
        return min(times, default=None)

    def _due(self, row: deque[PendingBatch]) -> float:
        batch = row[0]
        full = batch.closed or batch.builder.size >= self._batch_bytes
        wait = 0.0 if full else self._linger
        return max(batch.not_before, batch.made_at + wait)
