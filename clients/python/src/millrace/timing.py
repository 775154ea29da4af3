# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Deadlines, and how long to wait between tries."""
from __future__ import annotations

import random
import time


class Deadline:
    """A moment `seconds` from now, on a clock that never goes back."""

    def __init__(self, seconds: float):
        self._at = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds; 0 when it has passed."""
        return max(0.0, self._at - time.monotonic())

    def left_or_instant(self) -> float:
        """The same for sockets, where 0 would mean something else."""
        return max(0.000001, self.left())

    def passed(self) -> bool:
        return self.left() == 0.0


class Backoff:
    """Delays that double from `smallest` to `largest` seconds, each up to half of it shorter."""

    def __init__(self, smallest: float = 0.02, largest: float = 1.0):
        self._smallest = smallest
        self._largest = largest
        self._next = smallest

    def next(self) -> float:
        delay = self._next
        self._next = min(self._largest, 2 * delay)
        return delay * random.uniform(0.5, 1.0)

    def reset(self) -> None:
        self._next = self._smallest
