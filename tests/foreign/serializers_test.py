# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Kafka's Java serializer of record batches and ours agree on the shared vectors."""
from pathlib import Path

from kafka_side.batches import batches_of, kafka_folder, sent_part
from kafka_side.programs import KafkaCase, ours
from kafka_side.stored import CODECS, millrace, rows, stored
from kafka_side.vectors import load, row_of_hex, row_of_millrace
from millrace.batch import BatchBuilder


class BatchesOfMillrace(KafkaCase):
    def test_are_read_by_kafka_as_they_were_sent(self):
        for codec in CODECS:
            topic = f"whole-{codec}"
            read = rows(ours("ReadSegments", *stored().logs(topic)))
            self.assertEqual({row["codec"] for row in read}, {codec})
            self.assert_same([row["offset"] for row in read], range(len(read)), topic)
            self.assert_same([row_of_hex(row) for row in read], stored().sent[topic], topic)

    def test_of_append_time_are_read_by_kafka_as_by_millrace(self):
        for codec in CODECS:
            log, = stored().logs(f"append-{codec}")
            read = rows(ours("ReadSegments", log))
            self.assertEqual({row["timestamp_type"] for row in read}, {"LogAppendTime"})
            shown = rows(millrace("segment", "dump", log, "--records", "-o", "jsonl"))
            self.assert_same([row_of_hex(row) for row in read],
                             [row_of_millrace(row) for row in shown], codec)


class BatchesOfKafka(KafkaCase):
    def assert_rows(self, folder: Path) -> None:
        shown = rows(millrace("segment", "dump", folder, "--records", "-o", "jsonl"))
        self.assert_same([row["offset"] for row in shown], range(len(shown)), folder)
        self.assert_same([row_of_millrace(row) for row in shown],
                         [row for one in load() for row in one.seen()], folder)

    def test_are_dumped_by_millrace_as_they_were_written(self):
        for codec in CODECS:
            self.assert_rows(kafka_folder(codec))
            listed = rows(millrace("segment", "dump", kafka_folder(codec), "-o", "jsonl"))
            self.assertEqual([row["records"] for row in listed],
                             [len(one.records) for one in load()])
            self.assertEqual({row["codec"] for row in listed}, {codec})

    def test_are_found_sound_with_the_indexes_that_kafka_made(self):
        for codec in CODECS:
            log, = kafka_folder(codec).glob("*.log")
            self.assertGreater(log.with_suffix(".index").stat().st_size, 0)
            found, = rows(millrace("segment", "verify", log, "-o", "jsonl"))
            self.assertEqual(found["damaged"], [])
            self.assertEqual(found["batches"], len(load()))
            index, = rows(millrace("segment", "index", log, "-o", "jsonl"))
            self.assertGreater(len(index["offsets"]), 1)
            self.assertGreater(len(index["times"]), 1)


class Uncompressed(KafkaCase):
    """Nothing is left to a codec: the same records are the same bytes, whoever writes them."""

    def kafkas(self) -> list[bytes]:
        log, = kafka_folder("none").glob("*.log")
        return [sent_part(batch) for one, batch in zip(load(), batches_of(log), strict=True)
                if one.append_time is None]

    def test_batches_of_the_cpp_client_are_those_of_kafka(self):
        logs = stored().logs("whole-none")
        found = [sent_part(batch) for log in logs for batch in batches_of(log)]
        self.assert_same(found, self.kafkas() * 3, "batches")

    def test_batches_of_the_python_client_are_those_of_kafka(self):
        found = []
        for one in load():
            if one.append_time is None:
                builder = BatchBuilder()
                for row in one.records:
                    builder.add(row.timestamp, row.key, row.value,
                                [(name.encode(), value) for name, value in row.headers])
                found.append(sent_part(builder.finish()))
        self.assert_same(found, self.kafkas(), "batches")
