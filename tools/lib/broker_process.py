# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""millraced and the millrace command line as child processes."""
import json
import os
import signal
import subprocess
import time
from pathlib import Path

START_SECONDS = 60


class Broker:
    """One broker on a data directory of its own and a port of the kernel's choice."""

    def __init__(self, programs: Path, data: Path, settings: list[str] | None = None):
        self.programs = programs
        self.data = data
        self.settings = settings or []
        self.address = ""
        self.start_seconds = 0.0
        self.process: subprocess.Popen | None = None

    @property
    def log(self) -> Path:
        return self.data.with_suffix(".log")

    def start(self) -> dict:
        ready = self.data.with_suffix(".ready")
        ready.unlink(missing_ok=True)
        command = [str(self.programs / "broker/millraced"), "--data-dir", str(self.data),
                   "--ready-file", str(ready), "--set", "listener.client.bind=127.0.0.1:0",
                   "--set", "http.bind=127.0.0.1:0"]
        for setting in self.settings:
            command += ["--set", setting]
        began = time.monotonic()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stderr=log, stdout=log,
                                            stdin=subprocess.DEVNULL)
        while not ready.exists():
            if self.process.poll() is not None or time.monotonic() - began > START_SECONDS:
                raise SystemExit(f"The broker did not start:\n{self.log.read_text()}")
            time.sleep(0.001)
        self.start_seconds = time.monotonic() - began
        told = json.loads(ready.read_text())
        self.address = told["listeners"]["client"]
        return told

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(timeout=60) != 0:
            raise SystemExit(f"The broker did not stop cleanly:\n{self.log.read_text()}")

    def client_command(self, *words: str) -> list[str]:
        return [str(self.programs / "tools/millrace/millrace"), "-s", self.address, *words]

    def client(self, *words: str, **options) -> subprocess.CompletedProcess:
        done = subprocess.run(self.client_command(*words), **options)
        if done.returncode != 0:
            raise SystemExit(f"millrace {' '.join(words)} ended with {done.returncode}.\n"
                             f"The broker's log: {self.log}")
        return done


def data_folder(name: str) -> Path:
    """A fresh folder on the disk (not in memory) for a broker's data and logs."""
    parent = Path(os.environ.get("TMPDIR", "/var/tmp"))
    for number in range(1000):
        folder = parent / f"{name}-{os.getpid()}-{number}"
        if not folder.exists():
            folder.mkdir(mode=0o700)
            return folder
    raise SystemExit(f"{parent} is full of {name} folders: remove them")
