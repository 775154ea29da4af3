# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Adds the generated schemas to the package. Everything else is in pyproject.toml."""
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

sys.path.insert(0, str(Path(__file__).parent))
from build_package import generate_wire  # noqa: E402


class BuildWithSchemas(build_py):
    def run(self) -> None:
        super().run()
        generate_wire("flatc", Path(self.build_lib))


setup(cmdclass={"build_py": BuildWithSchemas})
