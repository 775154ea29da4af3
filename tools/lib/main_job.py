#!/usr/bin/env python3
# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""The main job on a file of lines: in and out again, byte for byte; then a kill under load.

usage: main_job.py BUILD_FOLDER FILE
"""
import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path

from broker_process import Broker, data_folder

PARTITIONS = 3
PASS_SECONDS = 3.0
KILL_AT = 0.4  # Of the records: acknowledged when the kill is sent.


def lines_of(content: bytes) -> list[bytes]:
    lines = content.split(b"\n")
    return lines[:-1] if lines[-1] == b"" else lines


def number(value: float) -> str:
    return f"{value:,.0f}"


def acknowledgements(path: Path) -> list[dict]:
    """Whole lines only: a killed client may leave half of one."""
    text = path.read_bytes()
    return [json.loads(line) for line in text[: text.rfind(b"\n") + 1].splitlines()]


def produce(broker: Broker, topic: str, source: bytes, acks: Path) -> float:
    began = time.monotonic()
    with open(acks, "wb") as out:
        broker.client("produce", topic, "-", "-o", "jsonl", input=source, stdout=out)
    return time.monotonic() - began


def read_back(broker: Broker, topic: str) -> dict[tuple[int, int], bytes]:
    """Every record by partition and offset, in the order it came; checks that offsets ascend."""
    out = broker.client("consume", topic, "--from", "start", "-e", "-f", "%p %o %v\\n",
                        stdout=subprocess.PIPE).stdout
    records: dict[tuple[int, int], bytes] = {}
    last = {}
    for line in lines_of(out):
        partition, offset, value = line.split(b" ", 2)
        place = (int(partition), int(offset))
        if place[1] <= last.get(place[0], -1):
            raise SystemExit(f"partition {place[0]}: offset {place[1]} came after {last[place[0]]}")
        last[place[0]] = place[1]
        records[place] = value
    return records


def check_order(acks: list[dict]) -> None:
    last: dict[int, tuple[int, int]] = {}
    for ack in sorted(acks, key=lambda row: (row["partition"], row["offset"])):
        line, _ = last.get(ack["partition"], (0, 0))
        if ack["line"] <= line:
            raise SystemExit(f"partition {ack['partition']}: line {ack['line']} lies behind {line}")
        last[ack["partition"]] = (ack["line"], ack["offset"])


def round_trip(broker: Broker, content: bytes, folder: Path) -> None:
    print(f"\n1. In and out again: {number(len(lines_of(content)))} lines, "
          f"{number(len(content))} bytes, topic quickstart, {PARTITIONS} partitions")
    broker.client("topic", "create", "quickstart", "-p", str(PARTITIONS),
                  stdout=subprocess.DEVNULL)
    produce(broker, "quickstart", content, folder / "acks.jsonl")
    acks = acknowledgements(folder / "acks.jsonl")
    check_order(acks)
    records = read_back(broker, "quickstart")
    ordered = [records[row["partition"], row["offset"]]
               for row in sorted(acks, key=lambda row: row["line"])]
    together = b"\n".join(ordered) + (b"\n" if content.endswith(b"\n") else b"")
    print(f"   SHA-256 of the file      {hashlib.sha256(content).hexdigest()}")
    print(f"   SHA-256 of what came out {hashlib.sha256(together).hexdigest()}")
    if together != content or len(records) != len(acks):
        raise SystemExit("   The output is NOT the input.")
    used = len({row["partition"] for row in acks})
    print(f"   Equal; order kept per partition (the records went to {used} of {PARTITIONS}).")


def repeats_for(broker: Broker, content: bytes, folder: Path) -> tuple[bytes, float]:
    """FILE over and over, so often that a pass lasts PASS_SECONDS; and the seconds of one pass."""
    unit = content if content.endswith(b"\n") else content + b"\n"
    source = unit
    topic = 0
    while True:
        topic += 1
        name = f"quickstart-rate-{topic}"
        broker.client("topic", "create", name, "-p", str(PARTITIONS), stdout=subprocess.DEVNULL)
        seconds = produce(broker, name, source, folder / "rate.jsonl")
        if seconds >= PASS_SECONDS:
            return source, seconds
        broker.client("topic", "delete", name, "-y", stdout=subprocess.DEVNULL)
        source = unit * max(2 * len(source) // len(unit),
                            int(len(source) / len(unit) * PASS_SECONDS * 1.2 / seconds))


def kill_under_load(broker: Broker, source: bytes, folder: Path) -> None:
    lines = lines_of(source)
    broker.client("topic", "create", "quickstart-kill", "-p", str(PARTITIONS),
                  stdout=subprocess.DEVNULL)
    feed = folder / "feed"
    feed.write_bytes(source)
    acks = folder / "kill.jsonl"
    with open(acks, "wb") as out:
        client = subprocess.Popen(
            broker.client_command("produce", "quickstart-kill", str(feed), "-o", "jsonl"),
            stdout=out, stderr=subprocess.DEVNULL)
        wait_for_acks(client, acks, int(len(lines) * KILL_AT))
        broker.kill()
        client.kill()
        client.wait()
    acked = acknowledgements(acks)
    broker.start()
    records = read_back(broker, "quickstart-kill")
    back = sum(records.get((row["partition"], row["offset"])) == lines[row["line"] - 1]
               for row in acked)
    print(f"   Acknowledged before the kill: {number(len(acked))} of {number(len(lines))} "
          f"({100 * len(acked) / len(lines):.0f} %)")
    print(f"   Came back after the restart:  {number(back)}")
    print(f"   Restart after kill -9: {1000 * broker.start_seconds:.0f} ms until ready.")
    if not 0.25 <= len(acked) / len(lines) <= 0.75:
        raise SystemExit("   The kill did not fall between a quarter and three quarters.")
    if back != len(acked) or back == 0:
        raise SystemExit("   Acknowledged records are LOST.")


def wait_for_acks(client: subprocess.Popen, acks: Path, wanted: int) -> None:
    """Returns when the client has written that many acknowledgements."""
    seen = 0
    with open(acks, "rb") as written:
        while seen < wanted:
            chunk = written.read(1 << 20)
            seen += chunk.count(b"\n")
            if not chunk:
                if client.poll() is not None:
                    raise SystemExit("   The producer ended before the kill.")
                time.sleep(0.001)


def rates(broker: Broker, source: bytes, seconds: float) -> None:
    lines = len(lines_of(source))
    began = time.monotonic()
    broker.client("consume", "quickstart-kill", "--from", "start", "-e", "-f", "%v\\n",
                  stdout=subprocess.DEVNULL)
    reading = time.monotonic() - began
    listed = json.loads(broker.client("topic", "offsets", "quickstart-kill", "-o", "json",
                                      stdout=subprocess.PIPE).stdout)
    read = sum(row["end_offset"] - row["start_offset"] for row in listed)
    print("\n3. Rates through the command line, every acknowledgement on disk")
    print(f"   in:  {number(lines / seconds)} lines/s, {len(source) / seconds / 1e6:.1f} MB/s")
    print(f"   out: {number(read / reading)} lines/s")


def go_on(broker: Broker, programs: Path) -> None:
    client = programs / "tools/millrace/millrace"
    print("\nGo on by hand (the broker above is stopped; its data stay):")
    print(f"   {programs / 'broker/millraced'} --data-dir {broker.data} &")
    print(f"   {client} topic list")
    print(f"   {client} produce quickstart -k me <<< 'hello'")
    print(f"   {client} consume quickstart --from -3 -e -f '%p %o %k %v\\n'")


def main() -> int:
    programs, file = Path(sys.argv[1]), Path(sys.argv[2])
    content = file.read_bytes()
    folder = data_folder("millrace-quickstart")
    broker = Broker(programs, folder / "data")
    try:
        told = broker.start()
        print(f"\nmillraced {told['version']}: ready in {1000 * broker.start_seconds:.0f} ms, "
              f"{told['shards']} shards, io {told['io']}, data in {broker.data}")
        round_trip(broker, content, folder)
        source, seconds = repeats_for(broker, content, folder)
        print(f"\n2. kill -9 under load: the file {len(lines_of(source)) // len(lines_of(content))}"
              f" times over, {number(len(lines_of(source)))} lines")
        kill_under_load(broker, source, folder)
        rates(broker, source, seconds)
        go_on(broker, programs)
    finally:
        broker.stop()
    for scratch in ("feed", "rate.jsonl", "kill.jsonl"):
        (folder / scratch).unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
