# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""The batches of vectors.json, and the records that programs print, in one form to compare."""
from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

FILE = Path(__file__).parent.parent / "vectors.json"


class Row(NamedTuple):
    """A record without its place."""
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


class Vector(NamedTuple):
    name: str
    append_time: int | None  # Of a LogAppendTime batch: what readers see instead of timestamps.
    records: list[Row]

    @property
    def bytes(self) -> int:
        return sum(len(row.key or b"") + len(row.value or b"") for row in self.records)

    def seen(self) -> list[Row]:
        """The records as a reader sees them."""
        if self.append_time is None:
            return self.records
        return [row._replace(timestamp=self.append_time) for row in self.records]


def load() -> list[Vector]:
    return [Vector(one["name"], one.get("append_time"), list(_records(one["records"])))
            for one in json.loads(FILE.read_text())]


def write(vectors: Iterable[Vector], file: Path) -> Path:
    """In the form that the programs in C++ and Java read: everything spelt out in hexadecimal."""
    file.write_text(json.dumps([
        {"name": one.name, "append_time": one.append_time, "records": [
            {"timestamp": row.timestamp, "key": _hex(row.key), "value": _hex(row.value),
             "headers": [[name, _hex(value)] for name, value in row.headers]}
            for row in one.records]}
        for one in vectors]))
    return file


def row_of_hex(printed: dict[str, Any]) -> Row:
    """From a line of ReadSegments."""
    return _row(printed, lambda text: None if text is None else bytes.fromhex(text))


def row_of_millrace(printed: dict[str, Any]) -> Row:
    """From a line of `millrace ... -o jsonl`."""
    return _row(printed, _from_millrace)


def _row(printed: dict[str, Any], bytes_of: Any) -> Row:
    return Row(printed["timestamp"], bytes_of(printed["key"]), bytes_of(printed["value"]),
               tuple((name, bytes_of(value)) for name, value in printed["headers"]))


def _from_millrace(text: Any) -> bytes | None:
    if isinstance(text, dict):
        return base64.b64decode(text["base64"], validate=True)
    return None if text is None else text.encode()


def _records(written: list[dict[str, Any]]) -> Iterable[Row]:
    for one in written:
        for number in range(one.get("times", 1)):
            yield Row(one["timestamp"] + number, _bytes(one["key"]), _bytes(one["value"]),
                      tuple((name, _bytes(value)) for name, value in one.get("headers", ())))


def _bytes(written: Any) -> bytes | None:
    if written is None or isinstance(written, str):
        return None if written is None else written.encode()
    (kind, what), = written.items()
    if kind == "hex":
        return bytes.fromhex(what)
    return bytes(what) if kind == "zeros" else random.Random(what).randbytes(what)


def _hex(data: bytes | None) -> str | None:
    return None if data is None else data.hex()
