#!/usr/bin/env python3
# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Compiles every header alone, on all cores."""
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from check_layering import ROOT, tracked  # noqa: E402

FLAGS = ["-std=c++23", "-fsyntax-only", "-Wall", "-Wextra", "-Werror",
         "-I", str(ROOT), "-I", str(ROOT / "engine/include"), "-I", str(ROOT / "clients/cpp/include"),
         "-I", str(ROOT / "clients/cpp/src"),
         "-I", str(ROOT / "build/debug")]


def compile_alone(header: str) -> str:
    command = ["g++", *FLAGS, "-include", str(ROOT / header), "-x", "c++", "/dev/null"]
    done = subprocess.run(command, capture_output=True, text=True)
    return "" if done.returncode == 0 else f"{header} does not compile alone:\n{done.stderr}"


def main() -> int:
    headers = [name for name in tracked("*.h") if name != "tools/lint/tidy_prelude.h"]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        wrong = [text for text in pool.map(compile_alone, headers) if text]
    print("\n".join(wrong) if wrong else f"headers: {len(headers)} compile alone")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
