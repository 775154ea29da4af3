# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Sends records: in batches, with retries, from a thread of its own."""
from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass

from millrace import codecs
from millrace.accumulator import RECORD_BYTES, Accumulator, PendingBatch
from millrace.batch import BatchBuilder
from millrace.client import Client
from millrace.errors import MillraceError, invalid_argument
from millrace.immediate import add_record, append_at, append_atomic
from millrace.partitioner import StickyPartitions, partition_of_key
from millrace.sender import Sender
from millrace.timing import Deadline
from millrace.types import (Ack, Acks, Bytes, Compression, Durability, NewRecord, TopicPartition,
                            to_bytes)


@dataclass(frozen=True, kw_only=True)
class ProducerOptions:
    """Times in seconds."""
    acks: Acks = Acks.ALL
    durability: Durability = Durability.TOPIC
    compression: Compression = Compression.NONE
    # A batch is sent when it holds this many bytes, or when its first record has waited for
    # `linger`. Linger 0 sends what is there as soon as the request before is answered: batches
    # then grow with the load.
    batch_bytes: int = 256 * 1024
    linger: float = 0.0
    delivery_timeout: float = 120.0  # From send() to acknowledgement or failure.
    retry_delay_min: float = 0.02    # Doubles with each try ...
    retry_delay_max: float = 1.0     # ... up to this.
    buffer_bytes: int = 64 << 20     # Of records not yet acknowledged.
    metadata_age: float = 30.0       # How long a topic's growth may stay unheard of.
    block_when_full: bool = True     # Else send() fails at once when the buffer is full.

    def check(self) -> None:
        """Errors: invalid_argument, codec_missing."""
        for name in ("batch_bytes", "buffer_bytes", "delivery_timeout", "retry_delay_min",
                     "retry_delay_max"):
            if getattr(self, name) <= 0:
                raise invalid_argument(f"{name} must be above 0")
        if self.linger < 0:
            raise invalid_argument("linger must not be below 0")
        codecs.require(self.compression)


class Producer:
    """
    Lifecycle:  open, send any number, close(); the end of a `with` closes.
    Thread:     every call from any thread; the order of one thread's sends is kept.
    Order:      records of a partition are stored and acknowledged in the order of their sends.
    Durability: an acknowledgement means what the options' durability and the topic's class say,
                the stronger of the two. A failure with timed_out or disconnected means unknown.
    Duplicates: a batch whose connection broke before its answer came is sent again, and may then
                be stored twice.
    """

    def __init__(self, client: Client, options: ProducerOptions | None = None):
        """Errors: invalid_argument, codec_missing."""
        self._client = client
        self._options = options or ProducerOptions()
        self._options.check()
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._sticky = StickyPartitions()
        self._memory = 0
        self._closed = False
        self._accumulator = Accumulator(self._options.batch_bytes, self._options.linger,
                                        self._options.delivery_timeout)
        self._sender = Sender(client, self._options, self._changed, self._accumulator,
                              self._release)

    def __enter__(self) -> Producer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, topic: str, value: Bytes | None = None, *, key: Bytes | None = None,
             partition: int | None = None, timestamp_ms: int | None = None,
             headers: Iterable[tuple[str, Bytes | None]] = ()) -> Future[Ack]:
        """Queues a record; text is sent as UTF-8. Without `partition` the key chooses, as with
        Kafka's clients; without `timestamp_ms` it is now.

        Waits for the broker when the topic is new to it, and for room when the buffer is full, at
        most delivery_timeout. The future brings an Ack or a MillraceError, on the producer's
        thread; a future that was already refused here: unknown_topic, unknown_partition,
        message_too_large, buffer_full, unreachable.

        Raises: closed, invalid_argument.
        """
        key, value = to_bytes(key, "a key"), to_bytes(value, "a value")
        listed = [(name.encode(), to_bytes(data, "a header")) for name, data in headers]
        if timestamp_ms is None:
            timestamp_ms = time.time_ns() // 1_000_000
        elif not 0 <= timestamp_ms < 1 << 63:
            raise invalid_argument("a timestamp is milliseconds since 1970, not below 0")
        memory = RECORD_BYTES + len(key or b"") + len(value or b"") + sum(
            16 + len(name) + len(data or b"") for name, data in listed)
        try:
            partitions = self._partitions(topic, partition)
            with self._lock:
                self._make_room(memory)
                place = TopicPartition(topic, self._choose(topic, key, partition, partitions))
                future, closed = self._accumulator.append(place, time.monotonic(), timestamp_ms,
                                                          key, value, listed, memory)
                self._memory += memory
                if closed and key is None and partition is None:
                    self._sticky.batch_closed(topic, place.partition, partitions)
                self._changed.notify_all()
                return future
        except MillraceError as why:
            if why.name in ("closed", "invalid_argument"):
                raise
            refused: Future[Ack] = Future()
            refused.set_exception(why)
            return refused

    def append_at(self, topic: str, partition: int, expected_offset: int,
                  records: Iterable[NewRecord | Bytes | None],
                  timeout: float | None = None) -> Ack:
        """Conditional append: stores the records as one batch, only if the partition ends at
        `expected_offset`, and returns the Ack of the first. Of many that expect the same offset
        exactly one succeeds. It waits for the answer and is not in order with send(): flush()
        before, where that counts. What is no NewRecord is a value.

        Errors: unexpected_offset (the message says where the partition ends; nothing was stored);
        timed_out and disconnected mean unknown: it is not sent again, since it might find itself.
        """
        if self._options.acks == Acks.NONE:
            raise invalid_argument("a conditional append needs an answer: not acks 0")
        if not 0 <= expected_offset < 1 << 63:
            raise invalid_argument("an expected offset is not below 0")
        if self._is_closed():
            raise MillraceError("closed", "the producer was closed")
        builder = BatchBuilder()
        for record in records:
            add_record(builder, record)
        if not len(builder):
            raise invalid_argument("a conditional append has no records")
        limit = self._options.delivery_timeout if timeout is None else timeout
        return append_at(self._client, self._options, TopicPartition(topic, partition),
                         expected_offset, builder, limit)

    def append_atomic(self,
                      records: Iterable[tuple[TopicPartition, NewRecord | Bytes | None]],
                      expected: Mapping[TopicPartition, int] | None = None,
                      timeout: float | None = None) -> list[Ack]:
        """Atomic append: stores all records or none, whatever crash comes in between, in as many
        partitions of any topics as they name, and returns an Ack for each, in order. They are on
        stable storage then, whatever the topics' classes are. With `expected` nothing is stored
        unless each of those partitions ends at that offset. What is no NewRecord is a value.

        Sent once: a refusal means that nothing is stored; timed_out, disconnected and
        storage_failed mean unknown. It is not in order with send(): flush() before.
        """
        if self._is_closed():
            raise MillraceError("closed", "the producer was closed")
        limit = self._options.delivery_timeout if timeout is None else timeout
        return append_atomic(self._client, self._options, records, expected or {}, limit)

    def flush(self, timeout: float = 300.0) -> None:
        """Sends what waits, and returns when all records sent before are acknowledged or failed.
        Errors: timed_out."""
        deadline = Deadline(timeout)
        with self._lock:
            batches = [*self._accumulator, *self._sender.in_flight]
            waiting = [batch.futures[-1] for batch in batches]
            for batch in batches:
                batch.closed = True
            self._changed.notify_all()
            while not all(future.done() for future in waiting):
                if deadline.passed():
                    raise MillraceError("timed_out", "records are still waiting")
                self._changed.wait(deadline.left())

    def close(self, timeout: float = 300.0) -> None:
        """Refuses further sends, flushes, and fails with `closed` what is left after
        `timeout`."""
        with self._lock:
            self._closed = True
            self._changed.notify_all()
        try:
            self.flush(timeout)
        except MillraceError:
            pass  # The sender fails what is left.
        self._sender.close()

    def _partitions(self, topic: str, partition: int | None) -> int:
        """How many the topic has. Errors: unknown_topic, unknown_partition, invalid_argument."""
        timeout = self._options.delivery_timeout
        if partition is not None and partition < 0:
            raise invalid_argument("a partition's number is not below 0")
        # What was once heard is good enough here: the sender's thread keeps it fresh.
        known = self._client.known_topic(topic) or self._client.topic(topic, timeout=timeout)
        count = known.partitions
        if partition is not None and partition >= count:
            count = self._client.topic(topic, age_max=0.0, timeout=timeout).partitions
            if partition >= count:
                raise MillraceError("unknown_partition",
                                    f"topic '{topic}' has {count} partitions, none is {partition}")
        return count

    def _choose(self, topic: str, key: bytes | None, partition: int | None, count: int) -> int:
        if partition is not None:
            return partition
        if key is not None:
            return partition_of_key(key, count)
        return self._sticky.choose(topic, count)

    def _make_room(self, memory: int) -> None:
        """Holding the lock: returns when the record may come in."""
        limit = self._options.buffer_bytes
        if memory > min(limit, self._sender.record_bytes_max):
            raise MillraceError("message_too_large", f"a record of {memory} bytes never fits")
        deadline = Deadline(self._options.delivery_timeout)
        wait = self._options.block_when_full and not self._sender.is_this_thread()
        while not self._is_closed() and self._memory + memory > limit:
            if not wait or deadline.passed():
                raise MillraceError("buffer_full", f"{self._memory} bytes wait for their "
                                                   "acknowledgement")
            self._changed.wait(deadline.left())
        if self._is_closed():
            raise MillraceError("closed", "the producer was closed")

    def _is_closed(self) -> bool:
        return self._closed or self._sender.closing

    def _release(self, batch: PendingBatch) -> None:
        """Holding the lock: the batch's records are acknowledged or failed."""
        self._memory -= batch.memory
        self._changed.notify_all()
