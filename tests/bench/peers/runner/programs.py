# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""The programs of the peers: found where they are installed, or built once below a folder."""
from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

PROJECT = Path(__file__).parent.parent
BUILD_SECONDS = 480.0  # The first download takes the longest.
# The nats-server with the setting `sync_interval: always`, which that of Debian 12 lacks.
NATS_MODULE = "github.com/nats-io/nats-server/v2"
NATS_VERSION = "v2.14.8"
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class LeftOut(Exception):
    """A peer cannot be measured on this machine; the text says why."""


def said_by(command: list[str], seconds: float = 60.0, environment: dict | None = None) -> str:
    """What a program prints. Raises: LeftOut when it is not there or fails."""
    try:
        done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, timeout=seconds,
                              env={**os.environ, **(environment or {})})
    except OSError as error:
        raise LeftOut(f"{command[0]} cannot be run: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise LeftOut(f"{command[0]} did not end in {seconds:.0f} s") from error
    if done.returncode != 0:
        raise LeftOut(f"{command[0]} ended with {done.returncode}: {_first_line(done.stdout)}")
    return done.stdout


def _first_line(text: str) -> str:
    lines = [line for line in _COLOUR.sub("", text).splitlines() if line.strip()]
    return lines[0].strip()[:300] if lines else "it said nothing"


def found(*names: str) -> str:
    """The first of these programs. Raises: LeftOut."""
    path = os.environ.get("PATH", "") + os.pathsep + "/usr/sbin"
    for name in names:
        program = shutil.which(name, path=path)
        if program:
            return program
    raise LeftOut(f"{names[0]} is not installed")


def java_classes(build: Path) -> str:
    """The class path of Kafka, of the clients and of the job. Raises: LeftOut."""
    for name in ("java", "javac", "mvn"):
        found(name)
    folder = build / "java"
    folder.mkdir(parents=True, exist_ok=True)
    stamp = folder / "stamp"
    state = _state()
    if not stamp.exists() or stamp.read_text() != state:
        for name in ("classes", "jars"):
            shutil.rmtree(folder / name, ignore_errors=True)
        said_by(["mvn", "-q", "-B", "-f", str(PROJECT / "pom.xml"), "compile",
                 f"-Doutput.folder={folder}"], BUILD_SECONDS)
        stamp.write_text(state)
    return f"{folder / 'classes'}:{folder / 'jars'}/*"


def _state() -> str:
    """Changes with what Maven builds from."""
    digest = hashlib.sha256()
    for file in [PROJECT / "pom.xml", *sorted((PROJECT / "java").rglob("*.java"))]:
        digest.update(f"{file.name} {file.stat().st_size}\n".encode() + file.read_bytes())
    return digest.hexdigest()


def jar_version(build: Path, name: str) -> str:
    """Of a jar that java_classes() brought."""
    for jar in (build / "java/jars").glob(f"{name}-[0-9]*.jar"):
        return jar.stem[len(name) + 1:]
    raise LeftOut(f"Maven brought no {name}")


def nats_from_module(build: Path) -> str:
    """A nats-server that Go builds of its module. Raises: LeftOut."""
    program = build / "go" / NATS_VERSION / "nats-server"
    if not program.exists():
        go = found("go")
        said_by([go, "install", "-p", "1", f"{NATS_MODULE}@{NATS_VERSION}"], BUILD_SECONDS,
                {"GOBIN": str(program.parent), "GO111MODULE": "on"})
    return str(program)
