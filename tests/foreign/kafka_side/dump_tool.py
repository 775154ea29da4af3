# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Kafka's log dump tool. Every line that it prints must be one of those that say that all is well:
whatever else it says, on either output, is a complaint."""
from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from kafka_side.programs import java

BATCH = re.compile(r"baseOffset: \d+ lastOffset: \d+ count: \d+ "
                   r"(?:baseSequence: -1 lastSequence: -1 producerId: -1 producerEpoch: -1|"
                   r"baseSequence: \d+ lastSequence: \d+ producerId: \d+ producerEpoch: 0) "
                   r"partitionLeaderEpoch: \d+ "
                   r"isTransactional: false isControl: false deleteHorizonMs: OptionalLong\.empty "
                   r"position: \d+ (?:CreateTime|LogAppendTime): \d+ size: \d+ magic: 2 "
                   r"compresscodec: \w+ crc: \d+ isvalid: true")
RECORD = re.compile(r"\| offset: (\d+) (CreateTime|LogAppendTime): (\d+) keySize: (-?\d+) "
                    r"valueSize: (-?\d+) sequence: -?\d+ headerKeys: \[(.*?)\]"
                    r"(?: key: ([0-9a-f]*))?(?: payload: ([0-9a-f]*))?")
PRODUCER = re.compile(r"producerId: (\d+) producerEpoch: (\d+) coordinatorEpoch: -1 "
                      r"currentTxnFirstOffset: OptionalLong\.empty lastTimestamp: (\d+) "
                      r"firstSequence: (\d+) lastSequence: (\d+) lastOffset: (\d+) "
                      r"offsetDelta: (\d+) timestamp: \3")
WELL = [re.compile(text) for text in (
    r"Dumping .*\.(?:log|index|timeindex|snapshot)", r"Log starting offset: \d+",
    r"offset: \d+ position: \d+", r"timestamp: \d+ offset: \d+",
    r".*\.(?:index|timeindex) passed sanity check\.")]


class Dumped(NamedTuple):
    """A record as the tool prints it: of headers only the names, joined by commas."""
    offset: int
    time_type: str
    timestamp: int
    key: bytes | None
    value: bytes | None
    header_names: str


class Producer(NamedTuple):
    """A row of a snapshot of producers, as the tool prints it."""
    id: int
    epoch: int
    timestamp: int
    first_sequence: int
    last_sequence: int
    last_offset: int
    offset_delta: int


class Dump(NamedTuple):
    records: list[Dumped]
    batches: int
    index_entries: int
    passed: int  # Index files that passed the sanity check.
    complaints: list[str]
    producers: list[Producer] = []


def dump(files: Iterable[Path], *options: str) -> Dump:
    files = list(files)
    # Only worth a word, and Kafka's own are so as well: an index of a segment of one batch.
    empty = {f"{file} is empty." for file in files if file.stat().st_size == 0}
    done = java("kafka.tools.DumpLogSegments", "--files", ",".join(map(str, files)), *options)
    complaints = [f"it ended with {done.returncode}"] if done.returncode else []
    complaints += done.stderr.splitlines()
    records = []
    producers = []
    batches = entries = passed = 0
    for line in done.stdout.split("\n"):  # Not splitlines(): header names may hold other breaks.
        record = RECORD.fullmatch(line)
        producer = PRODUCER.fullmatch(line)
        if record:
            records.append(_record(record))
        elif producer:
            producers.append(Producer(*map(int, producer.groups())))
        elif BATCH.fullmatch(line):
            batches += 1
        elif line and line not in empty and not any(one.fullmatch(line) for one in WELL):
            complaints.append(line)
        entries += line.startswith(("offset: ", "timestamp: "))
        passed += line.endswith(" passed sanity check.")
    return Dump(records, batches, entries, passed, complaints, producers)


def dump_records(logs: Iterable[Path]) -> Dump:
    """Everything that the tool can check and print of segments."""
    return dump(logs, "--deep-iteration", "--print-data-log",
                "--key-decoder-class", "millrace.foreign.HexText",
                "--value-decoder-class", "millrace.foreign.HexText")


def _record(found: re.Match[str]) -> Dumped:
    offset, time_type, timestamp, key_size, value_size, names, key, value = found.groups()
    return Dumped(int(offset), time_type, int(timestamp), _bytes(key, int(key_size)),
                  _bytes(value, int(value_size)), names)


def _bytes(printed: str | None, size: int) -> bytes | None:
    if size < 0:
        return None
    data = bytes.fromhex(printed or "")
    if len(data) != size:
        raise AssertionError(f"{len(data)} bytes where the tool says {size}")
    return data
