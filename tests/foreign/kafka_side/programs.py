# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Kafka's programs and ours over its classes: built once by Maven, run by Java."""
from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import re
import shutil
import subprocess
import unittest
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parent.parent
SECONDS = 240.0  # Maven's first download takes the longest.
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
NOT_HAD = re.compile(r"Could not (resolve|transfer|find artifact)|cannot be resolved|offline mode")


class Missing(Exception):
    """This machine lacks something that the tests need; the text says what to do."""


class KafkaCase(unittest.TestCase):
    """Skipped where Kafka cannot be run, but never with CI=true: there that is a failure."""

    def setUp(self) -> None:
        try:
            class_path()
        except Missing as why:
            if os.environ.get("CI") == "true":
                self.fail(f"with CI=true this has to run: {why}")
            self.skipTest(str(why))

    def assert_same(self, found: Sequence[Any], want: Sequence[Any], about: object) -> None:
        """assertEqual for rows of any size: says where they part, and does not print them all."""
        for at, (one, other) in enumerate(zip(found, want)):
            if one != other:
                self.fail(f"{about}: the row {at} is {_short(one)}, not {_short(other)}")
        self.assertEqual(len(found), len(want), about)


def _short(row: Any) -> str:
    """What a person can read of it."""
    text = row.hex() if isinstance(row, bytes) else repr(row)
    return text if len(text) <= 400 else f"{text[:400]}... ({len(text)} characters)"


def java(program: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs the main class to its end, whatever that is."""
    return subprocess.run(
        ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8", "-cp",
         class_path(), program, *map(str, words)],
        text=True, encoding="utf-8", errors="surrogateescape", capture_output=True, timeout=SECONDS)


def ours(program: str, *words: str | Path) -> str:
    """What one of the classes beside pom.xml prints."""
    done = java(f"millrace.foreign.{program}", *words)
    if done.returncode != 0 or done.stderr:
        raise AssertionError(f"{program} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


def class_path() -> str:
    """Raises: Missing, always again."""
    found = _built()
    if isinstance(found, Missing):
        raise found
    return found


@functools.cache
def _built() -> str | Missing:
    for program in ("java", "javac", "mvn"):
        if shutil.which(program) is None:
            return Missing(f"there is no {program}: install openjdk-17-jdk-headless and maven "
                           "(the group `kafka` of tools/packages.txt)")
    folder = Path(os.environ["MILLRACE_TEST_KAFKA_FOLDER"])
    folder.mkdir(parents=True, exist_ok=True)
    stamp = folder / "stamp"
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Tests run side by side.
        state = _state()
        if not stamp.exists() or stamp.read_text() != state:
            shutil.rmtree(folder / "classes", ignore_errors=True)
            shutil.rmtree(folder / "jars", ignore_errors=True)
            missing = _build(folder)
            if missing is not None:
                return missing
            stamp.write_text(state)
    return f"{folder / 'classes'}:{folder / 'jars'}/*"


def _build(folder: Path) -> Missing | None:
    done = subprocess.run(["mvn", "-q", "-B", "-f", str(PROJECT / "pom.xml"), "compile",
                           f"-Doutput.folder={folder}"],
                          text=True, capture_output=True, timeout=SECONDS)
    if done.returncode == 0:
        return None
    said = COLOUR.sub("", done.stdout + done.stderr)
    if NOT_HAD.search(said):
        first = next(line for line in said.splitlines() if NOT_HAD.search(line))
        return Missing("Maven could not get Kafka and what it needs, which takes the network once; "
                       f"they then stay in its local repository. It said: {first}")
    raise AssertionError(f"Maven ended with {done.returncode}:\n{said}")


def _state() -> str:
    """Changes with what Maven builds from."""
    digest = hashlib.sha256()
    for file in [PROJECT / "pom.xml", *sorted((PROJECT / "java").rglob("*.java"))]:
        digest.update(f"{file.name} {file.stat().st_size}\n".encode() + file.read_bytes())
    return digest.hexdigest()
