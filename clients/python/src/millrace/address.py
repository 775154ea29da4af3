# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Addresses: HOST:PORT, or unix:PATH."""
from __future__ import annotations

import socket
from typing import NamedTuple

from millrace.errors import ConnectionFailed, MillraceError


class Address(NamedTuple):
    host: str  # Empty: a Unix socket at `path`.
    port: int
    path: str

    def __str__(self) -> str:
        return f"{self.host}:{self.port}" if self.host else f"unix:{self.path}"


def parse_address(text: str) -> Address:
    """Errors: invalid_address."""
    if text.startswith("unix:"):
        if len(text) > len("unix:"):
            return Address("", 0, text.removeprefix("unix:"))
    else:
        host, _, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if host and port.isascii() and port.isdigit() and 0 < int(port) < 65536:
            return Address(host, int(port), "")
    raise MillraceError("invalid_address", f"'{text}' is not HOST:PORT or unix:PATH")


def parse_addresses(text: str) -> list[Address]:
    """One or several, separated by commas."""
    return [parse_address(part.strip()) for part in text.split(",")]


def dial(address: Address, timeout: float) -> socket.socket:
    """A connected socket. Errors: unreachable, timed_out."""
    try:
        if address.host:
            dialled = socket.create_connection((address.host, address.port), timeout)
            dialled.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return dialled
        dialled = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            dialled.settimeout(timeout)
            dialled.connect(address.path)
        except BaseException:
            dialled.close()
            raise
        return dialled
    except TimeoutError:
        raise ConnectionFailed("timed_out", f"{address} does not answer") from None
    except OSError as why:
        raise ConnectionFailed("unreachable", f"{address}: {why.strerror or why}") from None
