# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""A client of one cluster: where it is, how to reach it, and what its topics are."""
from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar
from uuid import UUID

from millrace.address import parse_addresses
from millrace.calls_topics import decode_metadata, encode_metadata
from millrace.connection import Connection
from millrace.descriptions import TopicDescription
from millrace.errors import (ConnectionFailed, MillraceError, invalid_argument,
                             protocol_violation)
from millrace.frame import Api
from millrace.tables import Answer
from millrace.timing import Backoff, Deadline

_REFUSED_FOR_NOW = ("throttled", "shutting_down")
_CAN_RECOVER = ("unreachable", "disconnected")


T = TypeVar("T")


class Topic(NamedTuple):
    """A topic as data calls need it."""
    name: str
    id: UUID
    partitions: int


class Client:
    """Shared by any number of Producer, Consumer and Admin.

    Lifecycle: made connected; close() or the end of a `with` closes it. Producers and consumers
               have connections of their own and are closed by themselves, before it.
    Thread:    every call from any thread; questions to the broker go one after the other.
    Errors:    MillraceError. A lost connection is made again by the next call.
    """

    def __init__(self, addresses: str = "127.0.0.1:9192", *, name: str = "millrace-python",
                 connect_timeout: float = 10.0, request_timeout: float = 30.0):
        """`addresses`: "HOST:PORT" or "unix:PATH", several separated by commas: the first that
        answers is used. `name` is for the broker's log, at most 128 bytes. Times in seconds.

        Errors: invalid_address, invalid_argument, unreachable, timed_out, unsupported_version,
                protocol_violation.
        """
        if len(name.encode()) > 128:
            raise invalid_argument("a client's name has at most 128 bytes")
        self._addresses = parse_addresses(addresses)
        self._name = name
        self._connect_timeout = connect_timeout
        self.request_timeout = request_timeout
        self._lock = threading.Lock()  # Of what follows.
        self._closed = False
        self._control: Connection | None = self.connect()
        self._topics: dict[str, tuple[Topic, float]] = {}
        self._topics_lock = threading.Lock()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._control is not None:
                self._control.close()

    def connect(self, timeout: float | None = None) -> Connection:
        """A new connection, which belongs to the caller, to the first address that answers.
        Errors: those of the last address."""
        limit = self._connect_timeout if timeout is None else min(timeout, self._connect_timeout)
        failure: MillraceError | None = None
        for address in self._addresses:
            try:
                return Connection(address, self._name, limit)
            except MillraceError as why:
                failure = why
        assert failure is not None
        raise failure

    def call(self, api: Api, table: bytes, decode: Callable[[Answer], T], *, about: str = "",
             changes: bool = False, timeout: float | None = None,
             payload: list[bytes] | None = None) -> T:
        """Asks the broker, and decodes its answer. A refusal for the time being is asked again
        within the time-out, a lost connection only where the call changes nothing.

        Errors: closed, BrokerError, ConnectionFailed; for a change the latter means unknown.
        """
        deadline = Deadline(self.request_timeout if timeout is None else timeout)
        backoff = Backoff()
        while True:
            try:
                return self._call_once(api, table, decode, deadline, about, payload)
            except MillraceError as why:
                delay = backoff.next()
                again = why.name in _REFUSED_FOR_NOW or (
                    isinstance(why, ConnectionFailed) and why.name in _CAN_RECOVER
                    and (not changes or why.name == "unreachable"))
                if not again or delay >= deadline.left():
                    raise
            time.sleep(delay)

    def describe_topics(self, names: list[str] | None = None,
                        timeout: float | None = None) -> list[TopicDescription]:
        """These topics in this order, or all in order of their names. Unknown ones have an
        error."""
        def decode(answer: Answer) -> list[TopicDescription]:
            topics = decode_metadata(answer)
            if names is not None and len(topics) != len(names):
                raise protocol_violation(f"{len(topics)} topics answer a question for {len(names)}")
            return topics

        topics = self.call(Api.METADATA, encode_metadata(names), decode, timeout=timeout)
        return topics if names is not None else sorted(topics, key=lambda topic: topic.name)

    def topic(self, name: str, age_max: float = 30.0, timeout: float | None = None) -> Topic:
        """What was last heard of the topic, at most `age_max` seconds ago; else asks.
        Errors: unknown_topic, and those of call()."""
        with self._topics_lock:
            known = self._topics.get(name)
        if known is not None and time.monotonic() - known[1] <= age_max:
            return known[0]
        (found,) = self.describe_topics([name], timeout)
        if found.error is not None:
            self.forget_topic(name)
            raise found.error
        if not found.partitions:
            raise protocol_violation(f"topic '{name}' has no partitions")
        topic = Topic(name, found.id, len(found.partitions))
        with self._topics_lock:
            self._topics[name] = (topic, time.monotonic())
        return topic

    def known_topic(self, name: str) -> Topic | None:
        """What was last heard of the topic, however long ago. Asks nobody."""
        with self._topics_lock:
            known = self._topics.get(name)
        return known[0] if known else None

    def forget_topic(self, name: str) -> None:
        """The next question for the topic goes to the broker."""
        with self._topics_lock:
            self._topics.pop(name, None)

    def _call_once(self, api: Api, table: bytes, decode: Callable[[Answer], T],
                   deadline: Deadline, about: str, payload: list[bytes] | None) -> T:
        with self._lock:
            if self._closed:
                raise MillraceError("closed", "the client was closed")
            if self._control is None or self._control.closed:
                self._control = self.connect(deadline.left_or_instant())
            return self._control.call(api, table, decode, deadline.left_or_instant(), payload,
                                      about)
