# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""A session says only what has changed, and begins anew when the broker does not know it."""
import unittest

from support.replies import PART

from millrace.calls_data import FetchAnswer, Fetched, FetchFrom
from millrace.errors import MillraceError
from millrace.fetch_session import FetchSession

OTHER = PART._replace(partition=1)


def at(offset: int, part=PART) -> FetchFrom:
    return FetchFrom(part, offset, -1, 1000)


def answer(session: int, epoch: int, *parts) -> FetchAnswer:
    return FetchAnswer(session, epoch, [Fetched(part, None, 0, 0, -1, memoryview(b""))
                                        for part in parts])


class Sessions(unittest.TestCase):
    def setUp(self):
        self.session = FetchSession()
        self.assertEqual(self.session.next([at(0), at(0, OTHER)]),
                         (0, 0, [at(0), at(0, OTHER)], []))
        self.session.answered(answer(7, 0, PART))

    def test_say_only_what_has_changed(self):
        self.assertEqual(self.session.next([at(5), at(0, OTHER)]), (7, 1, [at(5)], []))
        self.session.answered(answer(7, 1))
        self.assertEqual(self.session.next([at(5), at(0, OTHER)]), (7, 2, [], []))

    def test_say_what_is_read_no_more(self):
        self.assertEqual(self.session.next([at(0)]), (7, 1, [], [OTHER]))
        self.session.answered(answer(7, 1))
        self.assertEqual(self.session.next([at(0)]), (7, 2, [], []))

    def test_say_again_what_was_not_answered(self):
        self.session.next([at(5), at(0, OTHER)])
        self.assertEqual(self.session.next([at(6), at(0, OTHER)]), (7, 1, [at(6)], []))

    def test_that_are_lost_begin_anew(self):
        self.session.lost()
        self.assertEqual(self.session.next([at(5)]), (0, 0, [at(5)], []))

    def test_that_the_broker_does_not_open_say_everything_again(self):
        self.session.lost()
        self.session.next([at(5)])
        self.session.answered(answer(0, 0))
        self.assertEqual(self.session.next([at(5)]), (0, 0, [at(5)], []))

    def test_refuse_the_answer_of_another_session_or_poll(self):
        for wrong in (answer(8, 1), answer(7, 2), answer(7, 0)):
            self.session.next([at(5)])
            with self.assertRaises(MillraceError) as refused:
                self.session.answered(wrong)
            self.assertEqual(refused.exception.name, "protocol_violation")

    def test_refuse_rows_of_partitions_nobody_asked_for(self):
        self.session.next([at(0)])
        with self.assertRaises(MillraceError) as refused:
            self.session.answered(answer(7, 1, OTHER))
        self.assertEqual(refused.exception.name, "protocol_violation")
