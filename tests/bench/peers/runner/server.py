# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""A broker as a process group of its own, on a private folder, ended whatever happens."""
from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

START_SECONDS = 60.0
LOG_SHOWN_BYTES = 400


class Failed(Exception):
    """A peer did not do the job; the text says how."""


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens at now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def on_cpus(cpus: str, command: list[str]) -> list[str]:
    """The command on these processors ("0", "0-1"), ended by the kernel when its parent dies."""
    return ["setpriv", "--pdeathsig", "KILL", "taskset", "-c", cpus, *command]


class Server:
    """Context manager: start() as often as wanted; the end kills what runs."""

    def __init__(self, command: list[str], port: int, log: Path, environment: dict | None = None):
        self.command = command
        self.address = f"127.0.0.1:{port}"
        self._port = port
        self._log = log
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen | None = None

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Returns when it listens. Raises: Failed with the end of its log."""
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log,
                                             stderr=log, env=self._environment,
                                             cwd=self._log.parent, start_new_session=True)
        end = time.monotonic() + START_SECONDS
        while not self._listens():
            if self._process.poll() is not None:
                raise Failed(f"the broker ended with {self._process.returncode} at its start: "
                             + self.log_end())
            if time.monotonic() > end:
                raise Failed(f"the broker does not listen after {START_SECONDS:.0f} s: "
                             + self.log_end())
            time.sleep(0.02)

    def kill(self) -> None:
        if self._process is None:
            return
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()
        self._process = None

    def log_end(self) -> str:
        text = self._log.read_bytes()[-LOG_SHOWN_BYTES:].decode(errors="replace")
        return " ".join(text.split()) or "it said nothing"

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
        except OSError:
            return False
        return True
