#!/usr/bin/env python3
# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Prints `N passed, N failed, N skipped` of the last `meson test` in a build folder.

Counts single test cases where the program reports them, the program itself elsewhere, and also a
program that failed without a failed case: it ended before it could report one. Fails when nothing
ran or something failed.
"""
import json
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


def has_failed(case: ElementTree.Element) -> bool:
    return case.find("failure") is not None or case.find("error") is not None


def silent_failures(report: Path, log: Path) -> int:
    """Programs that failed by the log, but not by the report."""
    told = set()
    for suite in ElementTree.parse(report).getroot().iter("testsuite"):
        for case in filter(has_failed, suite.iter("testcase")):
            told |= {suite.get("name", ""), f"{suite.get('name')}.{case.get('name')}"}
    silent = 0
    for row in map(json.loads, log.read_text().splitlines()):
        name = f"{row['name'].partition(':')[0]}.{row['name']}"
        if row["result"] in ("FAIL", "ERROR", "TIMEOUT", "INTERRUPT", "UNEXPECTEDPASS") and not any(
                one == name or one.startswith(name + ".") for one in told):
            silent += 1
    return silent


def count(report: Path) -> tuple[int, int, int]:
    passed = failed = skipped = 0
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        if has_failed(case):
            failed += 1
        elif case.find("skipped") is not None or case.get("status") == "notrun":
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def main() -> int:
    report = Path(sys.argv[1]) / "meson-logs" / "testlog.junit.xml"
    if not report.exists():
        print("0 passed, 1 failed, 0 skipped")
        return 1
    passed, failed, skipped = count(report)
    failed += silent_failures(report, report.with_name("testlog.json"))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
