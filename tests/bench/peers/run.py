#!/usr/bin/env python3
# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Gives the job of the benchmark row `peers` to one peer, and prints one JSON object:
{"version": ...} of `prepare`, the figures of `run`, or {"left_out": why} of either, with status 3."""
from __future__ import annotations

import argparse
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from runner.peers import PEERS, QUIET, Peer
from runner.programs import LeftOut, java_classes
from runner.server import Failed, Server, on_cpus

JOB_SECONDS_BEYOND = 210.0  # To start, to warm up, to settle and to read everything.
SHOWN_CHARACTERS = 300


def job(options: argparse.Namespace, server: Server, *words: str) -> dict:
    """Raises: Failed with what the client said."""
    command = on_cpus(options.client_cpus, ["java", QUIET, "-cp", java_classes(options.build),
                                            "millrace.peers.Job", options.peer, server.address,
                                            *words])
    try:
        done = subprocess.run(command, text=True, capture_output=True, stdin=subprocess.DEVNULL,
                              timeout=options.seconds + JOB_SECONDS_BEYOND)
    except subprocess.TimeoutExpired as error:
        raise Failed(f"the client did not end; the broker says: {server.log_end()}") from error
    if done.returncode != 0:
        raise Failed(f"the client ended with {done.returncode}: {cause_of(done.stderr)}; "
                     f"the broker says: {server.log_end()}")
    return json.loads(done.stdout.splitlines()[-1])


def cause_of(trace: str) -> str:
    """The last that a program of Java blames."""
    blamed = [line for line in trace.splitlines()
              if line.startswith(("Exception in thread", "Caused by:"))]
    return (blamed[-1] if blamed else trace.strip())[-SHOWN_CHARACTERS:]


def run(options: argparse.Namespace, peer: Peer) -> dict:
    """A synced run has its broker killed before everything is read back."""
    shutil.rmtree(options.directory, ignore_errors=True)
    options.directory.mkdir(parents=True)
    seconds = [str(options.warm_step), str(options.seconds)]
    try:
        with peer.server(options.directory, options.broker_cpus) as server:
            server.start()
            if not options.synced:
                return job(options, server, "both", *seconds)
            figures = job(options, server, "produce", *seconds)
            server.kill()
            server.start()
            job(options, server, "read", str(figures["warm"]), str(figures["count"]))
            return figures
    finally:
        shutil.rmtree(options.directory, ignore_errors=True)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("verb", choices=["prepare", "run"])
    parser.add_argument("peer", choices=sorted(PEERS))
    parser.add_argument("--build", type=Path, required=True, help="for what is built once")
    parser.add_argument("--synced", action="store_true", help="acknowledged when on the disk")
    parser.add_argument("--directory", type=Path, help="for data; made, and removed at the end")
    parser.add_argument("--warm-step", type=float, default=1,
                        help="seconds, again while the rate grows")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--broker-cpus", default="0-1023")
    parser.add_argument("--client-cpus", default="0-1023")
    options = parser.parse_args()
    if options.verb == "run" and options.directory is None:
        parser.error("run wants --directory")
    return options


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # Through every `finally`.
    options = parse()
    try:
        peer = PEERS[options.peer](options.build, options.synced)
        print(json.dumps({"version": peer.version()} if options.verb == "prepare"
                         else run(options, peer)))
    except (LeftOut, Failed) as why:
        print(json.dumps({"left_out": str(why)}))
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
