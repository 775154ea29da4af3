#!/usr/bin/env python3
# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Prints `N passed, N failed, N skipped` of the last `meson test` in a build folder.

Counts single test cases where the program reports them, the program itself elsewhere. Fails when
nothing ran or something failed.
"""
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


def count(report: Path) -> tuple[int, int, int]:
    passed = failed = skipped = 0
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
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
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
