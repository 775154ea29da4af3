# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""A broker inside the test, on a Unix socket: every answer is the test's, as wrong as it likes."""
import shutil
import socket
import struct
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NamedTuple
from uuid import UUID

from millrace.frame import Api, padding

HEADER = struct.Struct("<IHBBHHIII")
TOPIC_ID = UUID("0190a6c2-7b1e-4c55-9f0e-2f1f6c1f7a10")


class Request(NamedTuple):
    api: int
    correlation_id: int
    one_way: bool
    table: bytes
    payload: bytes
    connection: int  # Counts up from 1.


class Reply(NamedTuple):
    table: bytes = b""
    payload: bytes = b""


HANG_UP = "hang up"
Answer = Reply | bytes | str | None  # Bytes are sent as they are; None: nothing is answered.


def frame(request: Request, reply: Reply, **changed: int) -> bytes:
    """The response, with fields of its header changed."""
    payload = reply.payload + padding(len(reply.payload))
    fields = {"frame_bytes": 20 + len(reply.table) + len(payload), "magic": 0x524D, "version": 1,
              "flags": 1, "api": request.api, "api_version": 1,
              "correlation_id": request.correlation_id, "table_bytes": len(reply.table),
              "reserved": 0} | changed
    return HEADER.pack(*fields.values()) + reply.table + payload


def hello_payload(apis: dict[int, tuple[int, int]] | None = None, error: int = 0,
                  message: str = "", request_bytes_max: int = 1 << 20,
                  authentication: int = 0) -> bytes:
    ranges = apis if apis is not None else {api: (1, 1) for api in Api}
    rows = b"".join(struct.pack("<HHHH", api, *versions, 0) for api, versions in ranges.items())
    data = struct.pack("<HHHH16siIIIII", error, len(message), len(ranges), 4, bytes(range(16)), 1,
                       request_bytes_max, 256, 1 << 25, 0, authentication)
    return data + rows + b"fake" + message.encode()


class Peer:
    """Lifecycle: serves from its making to close(). `answer` runs on a thread of the peer's and
    may be replaced at any time; hello is answered by the peer unless `hello` says otherwise."""

    def __init__(self, answer: Callable[[Request], Answer]):
        self.answer = answer
        self.hello: Callable[[Request], Answer] = lambda _: Reply(payload=hello_payload())
        self.requests: list[Request] = []
        self.folder = Path(tempfile.mkdtemp(prefix="millrace-peer-"))
        self.address = f"unix:{self.folder}/socket"
        self._connections: list[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(f"{self.folder}/socket")
        self._listener.listen()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        self.stop_listening()
        for connection in list(self._connections):
            shut_down(connection)
        for thread in list(self._threads):
            thread.join()
        shutil.rmtree(self.folder)

    def stop_listening(self) -> None:
        """New connections are refused from now on."""
        shut_down(self._listener)
        self._threads[0].join()
        self._listener.close()

    def half_close(self) -> None:
        """Says on the last connection that nothing more will be said."""
        self._connections[-1].shutdown(socket.SHUT_WR)

    def of(self, api: Api) -> list[Request]:
        """The requests to one API that came so far."""
        return [request for request in self.requests if request.api == api]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            thread = threading.Thread(target=self._serve, daemon=True,
                                      args=(connection, len(self._connections)))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        with connection, connection.makefile("rb") as source:
            try:
                while len(header := source.read(24)) == 24:
                    self._serve_one(connection, source, header, number)
            except OSError:
                pass  # The client went away.

    def _serve_one(self, connection: socket.socket, source: BinaryIO, header: bytes,
                   number: int) -> None:
        frame_bytes, _, _, flags, api, _, correlation_id, table_bytes, _ = HEADER.unpack(header)
        body = source.read(frame_bytes - 20)
        request = Request(api, correlation_id, bool(flags & 2), body[:table_bytes],
                          body[table_bytes:], number)
        self.requests.append(request)
        given = (self.hello if api == Api.HELLO else self.answer)(request)
        if given == HANG_UP:
            shut_down(connection)
        elif given is not None:
            connection.sendall(frame(request, given) if isinstance(given, Reply) else given)


def shut_down(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # The other side was first.
