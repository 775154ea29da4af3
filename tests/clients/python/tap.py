#!/usr/bin/env python3
# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Runs the unittest cases of one file and reports each in the Test Anything Protocol.

usage: tap.py FILE
"""
import importlib.util
import sys
import unittest
from pathlib import Path


class Report(unittest.TestResult):
    """One line a case; what went wrong goes to standard error. Sub-tests belong to their case."""

    def __init__(self) -> None:
        super().__init__()
        self.number = 0
        self.wrong = False
        self.bad = False

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self.bad = False
        self.why_skipped: str | None = None

    def addError(self, test, err) -> None:
        super().addError(test, err)
        self._tell(test, self.errors[-1][1])

    def addFailure(self, test, err) -> None:
        super().addFailure(test, err)
        self._tell(test, self.failures[-1][1])

    def addSubTest(self, test, subtest, err) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._tell(subtest, self._exc_info_to_string(err, test))

    def addSkip(self, test, reason) -> None:
        super().addSkip(test, reason)
        self.why_skipped = " ".join(reason.split())  # The protocol has one line for it.

    def stopTest(self, test: unittest.TestCase) -> None:
        super().stopTest(test)
        self.number += 1
        self.wrong |= self.bad
        name = ".".join(test.id().split(".")[-2:])
        skipped = f" # SKIP {self.why_skipped}" if self.why_skipped is not None else ""
        print(f"{'not ok' if self.bad else 'ok'} {self.number} {name}{skipped}", flush=True)

    def _tell(self, test: object, text: str) -> None:
        self.bad = True
        print(f"{test}\n{text}", file=sys.stderr, flush=True)


def main() -> int:
    file = Path(sys.argv[1]).resolve()
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    cases = suite.countTestCases()  # Before they run: a suite forgets its cases.
    print(f"1..{cases}", flush=True)
    report = Report()
    suite.run(report)
    if report.number != cases:
        print("Bail out! Setting up the file's cases failed.")
        report.wrong = True
    return 1 if report.wrong or report.errors else 0


if __name__ == "__main__":
    sys.exit(main())
