# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""A peer that cannot be measured is left out with the reason, and none leaves anything behind."""
import json
import os
import select
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from runner.server import Failed, Server, free_ports, on_cpus

RUN = Path(__file__).parent / "run.py"
CPUS = ",".join(map(str, sorted(os.sched_getaffinity(0))))
# Listens until it is killed, with a child that would outlive it; prints the child's number.
LISTENS = """
import socket, subprocess, sys
print(subprocess.Popen(["sleep", "1000"]).pid, flush=True)
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    listener.accept()
"""


class PeersCase(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def run_py(self, *words: str, path: str) -> tuple[int, dict]:
        done = subprocess.run([sys.executable, RUN, *words, "--build", self.folder / "build"],
                              text=True, stdout=subprocess.PIPE, env={**os.environ, "PATH": path})
        return done.returncode, json.loads(done.stdout)


class Peers(PeersCase):
    def test_are_left_out_where_a_program_is_missing(self):
        for peer in ("kafka", "nats", "rabbitmq"):
            status, said = self.run_py("prepare", peer, path=str(self.folder))
            self.assertEqual((status, said), (3, {"left_out": "java is not installed"}))

    def test_are_left_out_where_they_have_no_such_durability(self):
        status, said = self.run_py("prepare", "rabbitmq", "--synced", path=os.environ["PATH"])
        self.assertEqual(status, 3)
        self.assertIn("no acknowledgement that means on the disk", said["left_out"])

    def test_that_fail_leave_no_data_and_the_end_of_the_log_as_the_reason(self):
        tools = self.folder / "tools"
        tools.mkdir()
        for name, lines in {"java": "exit 0", "javac": "", "mvn": "", "taskset":
                            'echo "no room on the device" >&2; exit 7'}.items():
            (tools / name).write_text(f"#!/bin/sh\n{lines}\n")
            (tools / name).chmod(0o755)
        data = self.folder / "data"
        status, said = self.run_py("run", "kafka", "--directory", str(data),
                                   path=f"{tools}:{os.environ['PATH']}")
        self.assertEqual(status, 3)
        self.assertIn("ended with 7 at its start: no room on the device", said["left_out"])
        self.assertFalse(data.exists())


class Servers(PeersCase):
    def server(self, code: str) -> Server:
        (port,) = free_ports(1)
        return Server(on_cpus(CPUS, [sys.executable, "-c", code, str(port)]), port,
                      self.folder / "log")

    def test_are_ended_with_all_that_they_started(self):
        with self.server(LISTENS) as server:
            server.start()
            child = os.pidfd_open(int((self.folder / "log").read_text()))
            self.addCleanup(os.close, child)
            self.assertEqual(select.select([child], [], [], 0)[0], [])
        self.assertEqual(select.select([child], [], [], 10)[0], [child])

    def test_that_end_at_their_start_say_why(self):
        with self.server("raise SystemExit('the data are in use')") as server:
            with self.assertRaisesRegex(Failed, "ended with 1 at its start: the data are in use"):
                server.start()


if __name__ == "__main__":
    unittest.main()
