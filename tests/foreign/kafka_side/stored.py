# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""What a real broker left on disk of the vectors, after a clean stop."""
from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from kafka_side.vectors import Row, Vector, load, write
from millrace import Admin, Client
from support.broker import SECONDS, Broker

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
INDEX_INTERVAL_BYTES = 1024
SMALL_BYTES = 8 * 1024  # Vectors up to this go many times into the topics of small segments.
CONFIG = {"index.interval.bytes": str(INDEX_INTERVAL_BYTES),
          "message.timestamp.after.max.ms": str(300_000_000_000_000)}


def scratch_folder() -> Path:
    """Removed when the file's last case has run."""
    folder = Path(tempfile.mkdtemp(prefix="millrace-foreign-",
                                   dir=os.environ.get("TMPDIR", "/var/tmp")))
    unittest.addModuleCleanup(shutil.rmtree, folder)
    return folder


def millrace(*words: str | Path) -> str:
    """What a command that needs no broker prints."""
    done = subprocess.run([os.environ["MILLRACE_TEST_MILLRACE"], *map(str, words)],
                          text=True, capture_output=True, timeout=SECONDS)
    if done.returncode != 0 or done.stderr:
        raise AssertionError(f"millrace {words} ended with {done.returncode}:\n{done.stderr}"
                             f"\n{done.stdout[-2000:]}")
    return done.stdout


def rows(lines: str) -> list[dict]:
    return [json.loads(line) for line in lines.split("\n") if line]


class Stored:
    """Topics whole-, small- and append-CODEC, one partition each, written through the producer,
    which is idempotent for the small ones."""

    def __init__(self) -> None:
        broker = Broker()
        unittest.addModuleCleanup(broker.remove)
        self.data = broker.data
        self.sent: dict[str, list[Row]] = {}
        self._scratch = scratch_folder()
        vectors = [one for one in load() if one.append_time is None]
        small = [one for one in vectors if one.bytes <= SMALL_BYTES]
        with Client(broker.address) as client:
            admin = Admin(client)
            for codec in CODECS:
                self._send(broker, admin, f"whole-{codec}", codec, vectors, 3,
                           {"segment.bytes": "640KiB"})
                self._send(broker, admin, f"small-{codec}", codec, small, 60,
                           {"segment.bytes": "16KiB", "segment.ms": str(1 << 53)})
                self._send(broker, admin, f"append-{codec}", codec, load(), 1,
                           {"message.timestamp.type": "LogAppendTime"})
        broker.stop()
        self.topics = self._copy_without_room()

    def _send(self, broker: Broker, admin: Admin, topic: str, codec: str, vectors: list[Vector],
              times: int, config: dict[str, str]) -> None:
        admin.create_topic(topic, 1, CONFIG | config)
        file = write(vectors, self._scratch / f"{topic}.json")
        done = subprocess.run([os.environ["MILLRACE_TEST_VECTOR_PRODUCER"], broker.address, topic,
                               codec, str(file), str(times),
                               "idempotent" if topic.startswith("small-") else "plain"],
                              text=True, capture_output=True, timeout=SECONDS)
        if done.returncode != 0:
            raise AssertionError(f"the vector producer: {done.stderr}\n{broker.log}")
        self.sent[topic] = [row for one in vectors for row in one.records] * times

    def _copy_without_room(self) -> Path:
        """The folders of topics with every last segment cut to its data: an active one has room
        behind it, and Kafka's readers take the zeros there for a batch."""
        topics = self._scratch / "topics"
        shutil.copytree(self.data / "topics", topics)
        for topic in self.sent:
            log = self._logs(topics, topic)[-1]
            last = rows(millrace("segment", "dump", log, "-o", "jsonl"))[-1]
            end = last["position"] + last["size_bytes"]
            if any(log.read_bytes()[end:]):
                raise AssertionError(f"{log} holds more than batches")
            os.truncate(log, end)
        return topics

    @staticmethod
    def _logs(topics: Path, topic: str) -> list[Path]:
        return sorted((topics / f"{topic}-0").glob("*.log"))

    def logs(self, topic: str) -> list[Path]:
        """All segments of the topic's partition, the last one without the room behind its data."""
        return self._logs(self.topics, topic)

    def sealed(self, topic: str) -> list[Path]:
        """As the broker left them."""
        return self._logs(self.data / "topics", topic)[:-1]


@functools.cache
def stored() -> Stored:
    return Stored()


def indexes(logs: list[Path]) -> list[Path]:
    return [log.with_suffix(suffix) for log in logs for suffix in (".index", ".timeindex")]
