# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Puts the package together in a folder: its modules, and the code flatc makes of schemas/*.fbs.

usage: build_package.py FLATC FOLDER STAMP
"""
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SCHEMAS = HERE.parents[1] / "schemas"


def generate_wire(flatc: str, folder: Path) -> None:
    """Makes FOLDER/millrace/wire anew."""
    schemas = sorted(SCHEMAS.glob("*.fbs"))
    if not schemas:
        raise SystemExit(f"no schemas in {SCHEMAS}: build from a checkout of Millrace")
    wire = folder / "millrace" / "wire"
    shutil.rmtree(wire, ignore_errors=True)
    with tempfile.TemporaryDirectory() as scratch:
        # Elsewhere first: flatc also makes an empty millrace/__init__.py.
        subprocess.run([flatc, "--python", "-I", str(SCHEMAS), "-o", scratch,
                        *map(str, schemas)], check=True)
        shutil.copytree(Path(scratch) / "millrace" / "wire", wire)


def main() -> int:
    flatc, folder, stamp = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    package = folder / "millrace"
    shutil.rmtree(package, ignore_errors=True)
    package.mkdir(parents=True)
    for module in (HERE / "src" / "millrace").glob("*.py"):
        shutil.copy(module, package)
    generate_wire(flatc, folder)
    stamp.touch()
    return 0


if __name__ == "__main__":
    sys.exit(main())
