# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""One connection: greeted, with one request at a time on it."""
from __future__ import annotations

import select
import socket
from collections.abc import Callable
from typing import TypeVar

from millrace.address import Address, dial
from millrace.errors import ConnectionFailed, MillraceError, protocol_violation
from millrace.frame import (API_VERSION, HEADER_BYTES, Api, ResponseHeader, decode_header,
                            encode_request)
from millrace.hello import Hello, decode_hello, encode_hello
from millrace.tables import Answer, check_head
from millrace.timing import Deadline
from millrace.version import VERSION


T = TypeVar("T")


class Connection:
    """Lifecycle: made connected and greeted; closed by close(), or by the first call that fails
    with a ConnectionFailed: `closed` says so, and nothing works any more.
    Thread: one at a time; abort() from any.
    """

    def __init__(self, address: Address, name: str, connect_timeout: float):
        """Errors: unreachable, disconnected, timed_out, protocol_violation, what the broker
        answers to hello."""
        deadline = Deadline(connect_timeout)
        self.address = address
        self.closed = False
        self._correlation_id = 0
        self._socket: socket.socket = dial(address, connect_timeout)
        try:
            self._send(Api.HELLO, b"", [encode_hello(name, VERSION)], deadline)
            self.hello: Hello = decode_hello(bytes(self._receive(Api.HELLO, deadline).payload))
        except BaseException:
            self.close()
            raise

    def call(self, api: Api, table: bytes, decode: Callable[[Answer], T], timeout: float,
             payload: list[bytes] | None = None, about: str = "") -> T:
        """Sends a request, waits for its answer, at most `timeout` seconds, and decodes it.

        Errors: BrokerError when the request as a whole is refused, unsupported_api,
        unsupported_version: the connection lives on. ConnectionFailed: it is closed.
        """
        self._check(api, table, payload or [])
        deadline = Deadline(timeout)
        try:
            self._send(api, table, payload or [], deadline)
            answer = self._receive(api, deadline)
            if not answer.table:
                raise protocol_violation("a response has no table")
            check_head(answer.table, about or api.name.lower())
            return decode(answer)
        except ConnectionFailed:
            self.close()
            raise

    def send_one_way(self, api: Api, table: bytes, payload: list[bytes], timeout: float) -> None:
        """Sends a request that is not answered. Errors: as call(). Success means that the bytes
        are on their way, no more."""
        self._check(api, table, payload)
        try:
            self._check_open()
            self._send(api, table, payload, Deadline(timeout), one_way=True)
        except ConnectionFailed:
            self.close()
            raise

    def abort(self) -> None:
        """Makes a call that another thread waits in fail at once with disconnected."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # It was not connected any more.

    def close(self) -> None:
        self.closed = True
        self._socket.close()

    def _check(self, api: Api, table: bytes, payload: list[bytes]) -> None:
        if self.closed:
            raise ConnectionFailed("disconnected", f"{self.address}: the connection is closed")
        self.hello.require(api)
        size = HEADER_BYTES + len(table) + sum(map(len, payload)) + 8
        if size > self.hello.request_bytes_max:
            raise MillraceError("request_too_large", f"a request of {size} bytes; the broker "
                                                     f"takes {self.hello.request_bytes_max}")

    def _check_open(self) -> None:
        """Finds out what a broker that closed the connection has no answer to tell it by."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        if poll.poll(0):
            self._read(1, Deadline(1.0))
            raise protocol_violation("the broker answers what needs no answer")

    def _send(self, api: Api, table: bytes, payload: list[bytes], deadline: Deadline,
              one_way: bool = False) -> None:
        self._correlation_id = (self._correlation_id + 1) & 0xFFFFFFFF
        frame = b"".join(encode_request(api, self._correlation_id, table, payload, one_way))
        try:
            self._socket.settimeout(deadline.left_or_instant())
            self._socket.sendall(frame)
        except TimeoutError:
            raise self._timed_out() from None
        except OSError as why:
            raise self._lost(why) from None

    def _receive(self, api: Api, deadline: Deadline) -> Answer:
        header = decode_header(bytes(self._read(HEADER_BYTES, deadline)))
        self._check_header(api, header)
        body = self._read(header.body_bytes, deadline)
        return Answer(bytes(body[:header.table_bytes]), body[header.table_bytes:])

    def _check_header(self, api: Api, header: ResponseHeader) -> None:
        given = (header.correlation_id, header.api, header.api_version)
        if given != (self._correlation_id, api, API_VERSION):
            raise protocol_violation(
                f"the broker answers request {given[0]} (API {given[1]}, version {given[2]}) "
                f"instead of {self._correlation_id} ({api.name.lower()})")

    def _read(self, size: int, deadline: Deadline) -> memoryview:
        """Requires: `size` was checked against the limits of a frame."""
        data = memoryview(bytearray(size))
        at = 0
        try:
            while at < size:
                self._socket.settimeout(deadline.left_or_instant())
                count = self._socket.recv_into(data[at:])
                if count == 0:
                    raise ConnectionFailed("disconnected", f"{self.address} closed the connection")
                at += count
        except TimeoutError:
            raise self._timed_out() from None
        except OSError as why:
            raise self._lost(why) from None
        return data

    def _timed_out(self) -> ConnectionFailed:
        return ConnectionFailed("timed_out", f"{self.address} did not answer in time")

    def _lost(self, why: OSError) -> ConnectionFailed:
        return ConnectionFailed("disconnected", f"{self.address}: {why.strerror or why}")
