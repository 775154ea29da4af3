#!/usr/bin/env python3
# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Runs clang-tidy 16 over the sources of a build folder, on all cores. Findings are errors.

A file whose text, headers and settings were found clean before is not read again: the digest of
its preprocessed text is kept in the build folder.
"""
import hashlib
import json
import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXTRA = ["--extra-arg=-Wno-unknown-warning-option", "--quiet"]
# Lets it read std::expected, which a source in C++17 does not know.
PRELUDE = f"--extra-arg=-include{ROOT}/tools/lint/tidy_prelude.h"


def digest_of(entry: dict) -> str:
    words = shlex.split(entry["command"])
    output = words.index("-o")
    command = [word for word in words[:output] + words[output + 2:] if word not in ("-c", "ccache")]
    text = subprocess.run([*command, "-E", "-P"], cwd=entry["directory"], capture_output=True)
    settings = (ROOT / ".clang-tidy").read_bytes()
    return hashlib.sha256(settings + text.stdout).hexdigest()


def check(entry: dict, build: Path, clean: Path) -> str:
    mark = clean / digest_of(entry)
    if mark.exists():
        return ""
    prelude = [] if "-std=c++17" in entry["command"] else [PRELUDE]
    done = subprocess.run(["clang-tidy-16", "-p", str(build), *EXTRA, *prelude, entry["file"]],
                          cwd=entry["directory"], capture_output=True, text=True)
    if done.returncode == 0:
        mark.touch()
        return ""
    return done.stdout + done.stderr


def main() -> int:
    build = Path(sys.argv[1]).resolve()
    only = sys.argv[2:]
    clean = build / "tidy-clean"
    clean.mkdir(exist_ok=True)
    entries = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        file = os.path.relpath((Path(entry["directory"]) / entry["file"]).resolve(), ROOT)
        if not file.startswith("build") and (not only or any(file.startswith(name) for name in only)):
            entries.setdefault(file, entry)
    wrong = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for text in pool.map(lambda entry: check(entry, build, clean), entries.values()):
            if text:
                wrong += 1
                print(text, flush=True)  # It takes long: nobody should wait for the last one.
    print(f"clang-tidy: {len(entries) - wrong} of {len(entries)} sources are clean")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
