# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""The producer's thread: takes batches that are due, sends them, and tells their futures.

One request is on its way at a time, with one batch a partition: so nothing overtakes anything,
and batches grow while the broker flushes.
"""
from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from millrace.accumulator import Accumulator, PendingBatch
from millrace.calls_data import Part, Produced, decode_produce, encode_produce
from millrace.client import Client
from millrace.connection import Connection
from millrace.errors import MillraceError, protocol_violation
from millrace.frame import Api
from millrace.tables import Answer
from millrace.types import Ack, Acks

if TYPE_CHECKING:
    from millrace.producer import ProducerOptions

_REQUEST_ROOM = 64 * 1024  # For a request's header and table.
_TOPIC_CHANGED = ("unknown_topic", "unknown_partition", "topic_deleted", "not_leader")


class Sender:
    """Lifecycle: runs from its making to close(). Thread: `changed` guards the accumulator and
    in_flight; everything else is the thread's own."""

    def __init__(self, client: Client, options: ProducerOptions, changed: threading.Condition,
                 accumulator: Accumulator, release: Callable[[PendingBatch], None]):
        self.in_flight: set[PendingBatch] = set()
        self._client = client
        self._options = options
        self._changed = changed
        self._accumulator = accumulator
        self._release = release
        self.closing = False
        self._connection: Connection | None = client.connect()
        self._request_bytes = self._connection.hello.request_bytes_max - _REQUEST_ROOM
        self._thread = threading.Thread(target=self._run, name="millrace-producer", daemon=True)
        self._thread.start()

    @property
    def record_bytes_max(self) -> int:
        return self._request_bytes

    def is_this_thread(self) -> bool:
        return threading.current_thread() is self._thread

    def close(self) -> None:
        """Fails what is still there with `closed` and ends the thread."""
        with self._changed:
            self.closing = True
            connection = self._connection
            self._changed.notify_all()
        if connection is not None:
            connection.abort()
        if not self.is_this_thread():
            self._thread.join()

    def _run(self) -> None:
        try:
            while (batches := self._next()) is not None:
                if batches:
                    self._send(batches)
        finally:  # Even where this library is wrong nobody waits for ever.
            with self._changed:
                self.closing = True
                left = [*self.in_flight, *self._accumulator.take_where(lambda _: True)]
            for batch in left:
                self._fail(batch, MillraceError("closed", "the producer was closed"))
            if self._connection is not None:
                self._connection.close()

    def _next(self) -> list[PendingBatch] | None:
        """Waits until batches are due, fails those that are too old. None: it is over."""
        with self._changed:
            while True:
                if self.closing:
                    return None
                now = time.monotonic()
                late = self._accumulator.take_expired(now)
                if late:
                    break
                taken = self._accumulator.take(now, self._request_bytes)
                if taken:
                    self.in_flight.update(taken)
                    return taken
                due = self._accumulator.next_time()
                self._changed.wait(None if due is None else max(0.0, due - now))
            self.in_flight.update(late)
        for batch in late:
            self._fail(batch, MillraceError("timed_out", f"{batch.place.topic}/"
                                            f"{batch.place.partition}: not sent in time"))
        return []

    def _send(self, batches: list[PendingBatch]) -> None:
        """Sends these, and leaves each acknowledged, failed, or put back."""
        rows: list[tuple[PendingBatch, Part, bytes]] = []
        for batch in batches:
            try:
                rows.append((batch, self._part(batch), batch.encoded(self._options.compression)))
            except MillraceError as why:
                if why.name in _TOPIC_CHANGED:
                    self._fail(batch, why)  # Asked by name: it is as the broker says.
                else:
                    self._refused(batch, why)
        if not rows:
            return
        try:
            answers = self._call(rows)
        except MillraceError as why:
            for batch, _, _ in rows:
                self._refused(batch, why)
            return
        for (batch, _, _), answer in zip(rows, answers, strict=True):
            if answer.error is None:
                self._acknowledge(batch, answer)
            else:
                if answer.error.name in _TOPIC_CHANGED:
                    self._client.forget_topic(batch.place.topic)
                self._refused(batch, answer.error)
        self._hear_of_growth({batch.place.topic for batch, _, _ in rows})

    def _call(self, rows: list[tuple[PendingBatch, Part, bytes]]) -> list[Produced]:
        left = min(batch.deadline for batch, _, _ in rows) - time.monotonic()
        timeout = max(0.001, min(self._client.request_timeout, left))
        connection = self._connected(timeout)
        table = encode_produce(self._options.acks, self._options.durability,
                               max(1, int(timeout * 1000)),
                               [(part, len(data)) for _, part, data in rows])
        payload = [data for _, _, data in rows]
        if self._options.acks == Acks.NONE:
            connection.send_one_way(Api.PRODUCE, table, payload, timeout)
            return [Produced(part, None, -1, -1) for _, part, _ in rows]

        def decode(answer: Answer) -> list[Produced]:
            answers = decode_produce(answer)
            if [answer.part for answer in answers] != [part for _, part, _ in rows]:
                raise protocol_violation("the answer is not about the partitions that were sent")
            return answers

        return connection.call(Api.PRODUCE, table, decode, timeout, payload)

    def _connected(self, timeout: float) -> Connection:
        if self._connection is None or self._connection.closed:
            connection = self._client.connect(timeout)
            with self._changed:
                self._connection = connection
                if self.closing:
                    connection.close()
        assert self._connection is not None
        return self._connection

    def _hear_of_growth(self, topics: set[str]) -> None:
        """Asks for topics that were last asked for some time ago."""
        for topic in topics:
            try:
                if self._client.known_topic(topic) is not None:
                    self._client.topic(topic, self._options.metadata_age)
            except MillraceError:
                pass  # The next request finds out what is wrong.

    def _part(self, batch: PendingBatch) -> Part:
        """Errors: unknown_topic, unknown_partition: of the topic of this name, as it is now."""
        topic, partition = batch.place
        known = self._client.known_topic(topic) or self._client.topic(
            topic, timeout=max(0.001, batch.deadline - time.monotonic()))
        if partition >= known.partitions:
            raise MillraceError("unknown_partition",
                                f"topic '{topic}' has {known.partitions} partitions")
        return Part(known.id, partition)

    def _refused(self, batch: PendingBatch, why: MillraceError) -> None:
        """Puts the batch back when it is worth another try, else fails it."""
        delay = min(self._options.retry_delay_min * 2 ** min(batch.tries, 20),
                    self._options.retry_delay_max)
        not_before = time.monotonic() + delay * random.uniform(0.5, 1.0)
        batch.tries += 1
        if why.name == "message_too_large" and len(batch.futures) > 1:
            self._split(batch)
            return
        if self.closing or not why.retryable or not_before >= batch.deadline:
            self._fail(batch, why)
            return
        batch.not_before = not_before
        with self._changed:
            self.in_flight.discard(batch)
            self._accumulator.put_back(batch)

    def _split(self, batch: PendingBatch) -> None:
        """The topic takes less at once than a batch may hold."""
        first, second = batch.split()
        with self._changed:
            self.in_flight.discard(batch)
            self._accumulator.put_back(second)
            self._accumulator.put_back(first)

    def _acknowledge(self, batch: PendingBatch, answer: Produced) -> None:
        topic, partition = batch.place
        stored = self._options.acks != Acks.NONE
        for index, (future, timestamp) in enumerate(zip(batch.futures, batch.builder.timestamps)):
            if answer.append_time >= 0:
                timestamp = answer.append_time
            future.set_result(Ack(topic, partition, answer.base_offset + index if stored else -1,
                                  timestamp))
        self._done(batch)

    def _fail(self, batch: PendingBatch, why: MillraceError) -> None:
        for future in batch.futures:
            if not future.done():
                future.set_exception(why)
        self._done(batch)

    def _done(self, batch: PendingBatch) -> None:
        with self._changed:
            self.in_flight.discard(batch)
            self._release(batch)
