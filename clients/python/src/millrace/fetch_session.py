# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""What the broker knows of a consumer's partitions, so that a fetch says only what is new."""
from __future__ import annotations

from typing import NamedTuple

from millrace.calls_data import FetchAnswer, FetchFrom, Part
from millrace.errors import protocol_violation


class Poll(NamedTuple):
    session_id: int
    session_epoch: int
    partitions: list[FetchFrom]
    forgotten: list[Part]


class FetchSession:
    """Lifecycle: next(), then answered() or lost(); again. Lives as long as its connection: call
    lost() when that ends, and when the broker does not know the session."""

    def __init__(self) -> None:
        self._id = 0
        self._epoch = 0
        self._known: dict[Part, FetchFrom] = {}
        self._asked: dict[Part, FetchFrom] = {}

    def next(self, wanted: list[FetchFrom]) -> Poll:
        """The poll after which the broker knows exactly `wanted`, each partition once."""
        self._asked = {row.part: row for row in wanted}
        if self._id == 0:
            return Poll(0, 0, wanted, [])
        changed = [row for row in wanted if self._known.get(row.part) != row]
        forgotten = [part for part in self._known if part not in self._asked]
        return Poll(self._id, self._epoch + 1, changed, forgotten)

    def answered(self, answer: FetchAnswer) -> None:
        """Errors: protocol_violation, for rows of partitions nobody asked for and for another
        session's answer."""
        for row in answer.rows:
            if row.part not in self._asked:
                raise protocol_violation(f"{row.part} was answered, but not asked for")
        if self._id == 0:
            self._id = answer.session_id  # 0: the broker opens none; everything is said again.
            self._epoch = 0
        else:
            if (answer.session_id, answer.session_epoch) != (self._id, self._epoch + 1):
                raise protocol_violation(
                    f"poll {self._epoch + 1} of session {self._id} was answered by poll "
                    f"{answer.session_epoch} of session {answer.session_id}")
            self._epoch += 1
        self._known = self._asked if self._id else {}

    def lost(self) -> None:
        """The next poll opens another session."""
        self._id = self._epoch = 0
        self._known = {}
