# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Segments and indexes that a broker leaves are read by Kafka's log dump tool without complaint."""
import shutil
from pathlib import Path

from kafka_side.dump_tool import Dumped, dump, dump_records
from kafka_side.programs import KafkaCase, ours
from kafka_side.stored import (CODECS, INDEX_INTERVAL_BYTES, indexes, millrace, rows,
                               scratch_folder, stored)
from kafka_side.vectors import Row, row_of_millrace


def seen_of(record: Dumped) -> tuple:
    return record.timestamp, record.key, record.value, record.header_names


def expected_of(row: Row) -> tuple:
    return row.timestamp, row.key, row.value, ",".join(name for name, _ in row.headers)


class Segments(KafkaCase):
    def assert_dumped(self, topic: str, logs: list[Path], want: list[Row], time_type: str) -> None:
        found = dump_records(logs)
        self.assertEqual(found.complaints, [], topic)
        self.assertGreater(found.batches, len(logs))
        self.assert_same([record.offset for record in found.records], range(len(want)), topic)
        self.assert_same(list(map(seen_of, found.records)), list(map(expected_of, want)), topic)
        self.assertEqual({record.time_type for record in found.records}, {time_type})

    def test_are_dumped_by_kafka_with_the_records_that_were_sent(self):
        for codec in CODECS:
            for topic in (f"whole-{codec}", f"small-{codec}"):
                logs = stored().logs(topic)
                self.assertGreater(len(logs), 2, topic)
                self.assert_dumped(topic, logs, stored().sent[topic], "CreateTime")

    def test_of_append_time_are_dumped_by_kafka_with_the_times_that_millrace_shows(self):
        for codec in CODECS:
            topic = f"append-{codec}"
            folder = stored().logs(topic)[0].parent
            shown = millrace("segment", "dump", folder, "--records", "-o", "jsonl")
            want = [row_of_millrace(row) for row in rows(shown)]
            self.assert_same([row._replace(timestamp=0) for row in want],
                             [row._replace(timestamp=0) for row in stored().sent[topic]], topic)
            self.assertGreater(min(row.timestamp for row in want), 1_700_000_000_000)
            self.assert_dumped(topic, stored().logs(topic), want, "LogAppendTime")

    def test_have_indexes_that_kafka_finds_right(self):
        topics = stored().sent
        sealed = [file for topic in topics for file in indexes(stored().sealed(topic))]
        self.assertEqual([file for file in sealed if not file.exists()], [])
        # An active segment has no file where it has no entry yet.
        files = [file for topic in topics for file in indexes(stored().logs(topic))
                 if file.exists()]
        found = dump(files)
        self.assertEqual(found.complaints, [])
        self.assertGreater(found.index_entries, 10 * len(stored().sealed("small-none")))
        self.assertEqual(dump(files, "--verify-index-only").complaints, [])
        sane = dump(files, "--index-sanity-check")
        filled = sum(file.stat().st_size > 0 for file in files)
        self.assertEqual((sane.complaints, sane.passed), ([], filled))

    def test_have_snapshots_of_producers_that_kafka_reads(self):
        for codec in CODECS:
            topic = f"small-{codec}"
            logs = stored().logs(topic)
            names = [log.with_suffix(".snapshot").name for log in logs[1:]]
            snapshots = sorted(logs[0].parent.glob("*.snapshot"))
            self.assertEqual([file.name for file in snapshots[:-1]], names)  # And one of the stop.
            for file in snapshots:
                found = dump([file])
                self.assertEqual(found.complaints, [], file)
                self.assertTrue(1 <= len(found.producers) <= 5, file)
                last = found.producers[-1]
                self.assertEqual(last.last_offset, int(file.stem) - 1)
                # Of the one producer that the partition has, every record has its number.
                self.assertEqual([(row.last_sequence, row.first_sequence)
                                  for row in found.producers],
                                 [(row.last_offset, row.last_offset - row.offset_delta)
                                  for row in found.producers])

    def test_that_are_sealed_have_the_indexes_that_kafka_makes_of_their_batches(self):
        again = scratch_folder()
        logs = [log for codec in CODECS for kind in ("whole", "small")
                for log in stored().sealed(f"{kind}-{codec}")]
        ours("IndexSegments", again, str(INDEX_INTERVAL_BYTES), *logs)
        for log in logs:
            for file in (log, *indexes([log])):
                theirs = again / log.parent.name / file.name
                self.assertTrue(file.read_bytes() == theirs.read_bytes(), f"{file} differs")


class DamagedSegments(KafkaCase):
    """The other tests mean something only if the same checks find what is wrong."""

    def setUp(self) -> None:
        super().setUp()
        folder = scratch_folder() / "small-none-0"
        original = stored().sealed("small-none")[0]
        shutil.copytree(original.parent, folder)
        self.log = folder / original.name

    def overwrite(self, suffix: str, at: int, change: int) -> Path:
        """Changes one byte of a file of the first segment."""
        file = self.log.with_suffix(suffix)
        data = bytearray(file.read_bytes())
        data[at] ^= change
        file.write_bytes(data)
        return file

    def test_with_a_flipped_bit_in_a_record_are_complained_of(self):
        self.overwrite(".log", 68, 1)  # The value of the first batch's only record.
        self.assertIn("isvalid: false", "\n".join(dump_records([self.log]).complaints))

    def test_with_an_entry_that_names_another_offset_are_complained_of(self):
        file = self.overwrite(".index", 3, 1)
        self.assertIn("Mismatches in", "\n".join(dump([file]).complaints))

    def test_with_an_entry_that_names_another_position_are_complained_of(self):
        file = self.overwrite(".index", 7, 1)
        self.assertNotEqual(dump([file]).complaints, [])

    def test_with_an_entry_that_names_another_time_are_complained_of(self):
        file = self.overwrite(".timeindex", 7, 1)
        self.assertIn("timestamp mismatch in", "\n".join(dump([file]).complaints))

    def test_with_a_snapshot_of_another_checksum_are_complained_of(self):
        file = sorted(self.log.parent.glob("*.snapshot"))[0]
        data = bytearray(file.read_bytes())
        data[12] ^= 1
        file.write_bytes(data)
        self.assertNotEqual(dump([file]).complaints, [])

    def test_with_an_index_that_is_no_row_of_entries_are_complained_of(self):
        file = self.log.with_suffix(".index")
        file.write_bytes(file.read_bytes() + b"\1")
        self.assertNotEqual(dump([file], "--index-sanity-check").complaints, [])
