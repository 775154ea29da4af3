# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Errors are those of docs/wire_format.md, to the letter."""
import os
import re
import unittest
from pathlib import Path

from millrace.errors import NAMES, RETRYABLE, BrokerError, MillraceError

DOCS = Path(os.environ["MILLRACE_TEST_DOCS"])
OWN = {"unreachable", "disconnected", "buffer_full"}


def documented() -> dict[int, tuple[str, bool]]:
    text = (DOCS / "wire_format.md").read_text().partition("## Errors")[2]
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \| (yes)? ?\|", text, re.MULTILINE)
    return {int(number): (name, retryable == "yes") for number, name, retryable in rows}


class Errors(unittest.TestCase):
    def test_have_the_names_that_are_documented(self):
        self.assertGreater(len(documented()), 30)
        self.assertEqual(NAMES, {number: name for number, (name, _) in documented().items()})

    def test_are_retryable_where_it_is_documented(self):
        self.assertEqual(RETRYABLE - OWN, {name for name, retryable in documented().values()
                                           if retryable})

    def test_say_name_message_and_whether_to_try_again(self):
        error = BrokerError(20, "There is no topic 'x'.", "metadata")
        self.assertIsInstance(error, MillraceError)
        self.assertEqual((error.name, error.message, error.retryable, error.number),
                         ("unknown_topic", "metadata: There is no topic 'x'.", True, 20))
