# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""A real millraced on a directory of the test's own and a port of the kernel's choice."""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from millrace import Admin, Client

START_SECONDS = 60
SECONDS = 60.0  # For what must come; nothing waits that long when all is well.


class Broker:
    """Lifecycle: starts when it is made; kill() or stop(), start() again, remove() at last."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="millrace-test-",
                                             dir=os.environ.get("TMPDIR", "/var/tmp")))
        self.start()

    def start(self) -> None:
        """At another port than before, but at the same Unix socket."""
        ready = self._folder / "ready"
        ready.unlink(missing_ok=True)
        with open(self._folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                [os.environ["MILLRACE_TEST_MILLRACED"], "--data-dir", str(self._folder / "data"),
                 "--ready-file", str(ready), "--set", "listener.client.bind=127.0.0.1:0",
                 "--set", "http.bind=127.0.0.1:0",
                 "--set", "node.shards=2", "--set", "wal.bytes=64MiB"],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        began = time.monotonic()
        while not ready.exists():
            if self._ended_within(0.002) or time.monotonic() - began > START_SECONDS:
                raise AssertionError(f"the broker did not start:\n{self.log}")
        listeners = json.loads(ready.read_text())["listeners"]
        self.address = listeners["client"]
        self.local_address = listeners["local"]

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(SECONDS)

    def remove(self) -> None:
        if self._process.poll() is None:
            self.kill()
        shutil.rmtree(self._folder)

    @property
    def data(self) -> Path:
        return self._folder / "data"

    @property
    def log(self) -> str:
        return (self._folder / "log").read_text()

    def command(self, *words: str, given: str = "") -> str:
        """What the command line, which is written over the C++ client, prints."""
        done = subprocess.run([os.environ["MILLRACE_TEST_MILLRACE"], "-s", self.address, *words],
                              input=given, text=True, capture_output=True, timeout=SECONDS)
        if done.returncode != 0:
            raise AssertionError(f"millrace {' '.join(words)}: {done.stderr}")
        return done.stdout

    def _ended_within(self, seconds: float) -> bool:
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True


class BrokerCase(unittest.TestCase):
    """One broker for all cases of a class; each has topics of its own."""
    broker: Broker

    @classmethod
    def setUpClass(cls) -> None:
        cls.broker = Broker()
        cls.addClassCleanup(cls.broker.remove)

    def setUp(self) -> None:
        self.client = Client(self.broker.address)
        self.addCleanup(self.client.close)
        self.admin = Admin(self.client)
        self.topic = self.id().rpartition(".")[2]

    def create(self, partitions: int = 1, **config: str) -> str:
        """A topic of the case's own; dots in names of settings are underlines here."""
        self.admin.create_topic(self.topic, partitions,
                                {key.replace("_", "."): value for key, value in config.items()})
        return self.topic
