# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""One partition of a consumer: its position, and what was fetched and not yet handed out."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from millrace.batch_reader import Batch, read_batch, read_records
from millrace.calls_data import Fetched, Part
from millrace.errors import MillraceError
from millrace.types import Record, TopicPartition

OnOutOfRange = Literal["fail", "start", "end"]


class PartitionReader:
    """Lifecycle: accept() a row of an answer, read_into() until it says that nothing is left;
    again. Batches are decoded as late as possible, so that memory holds what a poll brings."""

    def __init__(self, where: TopicPartition, part: Part, offset: int):
        self.where = where
        self.part = part
        self.high_watermark = -1
        self.move_to(offset)

    def move_to(self, offset: int) -> None:
        """Forgets what was fetched."""
        self.offset = offset     # Of the next record to hand out.
        self.leader_epoch = -1   # Of the batch before it; -1: unknown.
        self.error: MillraceError | None = None  # What read_into() raises next.
        self._fetched = memoryview(b"")
        self._batch: Batch | None = None
        self._records: Iterator[Record] = iter(())

    def has_something(self) -> bool:
        return self.error is not None or len(self._fetched) > 0

    def accept(self, row: Fetched, on_out_of_range: OnOutOfRange) -> None:
        """Requires: nothing is left of the row before."""
        self.high_watermark = row.high_watermark
        if row.error is None:
            self._fetched = row.payload
        elif row.error.name == "offset_out_of_range" and on_out_of_range != "fail":
            self.move_to(row.log_start_offset if on_out_of_range == "start"
                         else row.high_watermark)
        elif row.error.name == "log_truncated":
            self.error = MillraceError("log_truncated", f"{row.error.message} What is left ends "
                                                        f"at {row.diverging_end_offset}.")
        else:
            self.error = row.error

    def read_into(self, records: list[Record], records_max: int, check_crc: bool,
                  decompressed_bytes_max: int) -> bool:
        """Moves records to `records`, until it holds `records_max`. False: nothing is left.
        Errors: as read_batch() and read_records(); the offset is then that of the first record
        that could not be read."""
        if self.error is not None:
            raise self.error
        while True:
            if self._batch is None:
                if not self._fetched:
                    return False
                self._batch = read_batch(self._fetched, check_crc)
                self._records = read_records(self._batch, *self.where, self.offset,
                                             decompressed_bytes_max)
            for record in self._records:
                self.offset = record.offset + 1
                records.append(record)
                if len(records) == records_max:
                    return True
            self.offset = max(self.offset, self._batch.last_offset + 1)
            self.leader_epoch = self._batch.leader_epoch
            self._fetched = self._fetched[self._batch.size:]
            self._batch = None
