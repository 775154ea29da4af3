#!/usr/bin/env python3
# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Refuses the constructs of bans.txt and files without the copyright line; reports long files."""
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from check_layering import ROOT, tracked  # noqa: E402

NOTICE = "Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0"
LINES_LONG = 400
NOISE = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"', re.DOTALL)


def read_bans() -> list[tuple[list[str], re.Pattern[str], str]]:
    bans = []
    for line in (ROOT / "tools/lint/bans.txt").read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        where, rest = line.split("|", 1)
        pattern, instead = rest.rsplit("|", 1)
        bans.append((where.strip().split(","), re.compile(pattern.strip()), instead.strip()))
    return bans


def applies(where: list[str], file: str) -> bool:
    if any(word.startswith("-") and file.startswith(word[1:]) for word in where):
        return False
    return any(word == "*" or file.startswith(word) for word in where)


def code_of(text: str) -> str:
    """The text with comments and strings blanked, line by line as it was."""
    return NOISE.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), text)


def check(file: str, bans: list) -> list[str]:
    text = (ROOT / file).read_text()
    wrong = []
    if NOTICE not in text[:400] and file != "tools/lint/tidy_prelude.h":
        wrong.append(f"{file}:1: the copyright line is missing")
    lines = code_of(text).splitlines()
    original = text.splitlines()
    for where, pattern, instead in bans:
        if not applies(where, file):
            continue
        for number, line in enumerate(lines, 1):
            if pattern.search(line) and "lint: allowed" not in original[number - 1]:
                wrong.append(f"{file}:{number}: {pattern.search(line).group().strip()}: use {instead}")
    return wrong


def main() -> int:
    bans = read_bans()
    files = tracked("*.h", "*.cc")
    wrong = [line for file in files for line in check(file, bans)]
    for file in files:
        length = len((ROOT / file).read_text().splitlines())
        if length > LINES_LONG:
            print(f"{file}: {length} lines: look for a seam")
    print("\n".join(wrong) if wrong else f"source: {len(files)} files hold no banned construct")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
