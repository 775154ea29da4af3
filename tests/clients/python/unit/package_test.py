# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""What pyproject.toml and setup.py build can be used without the build folder."""
import os
import subprocess
import sys
import tempfile
import tomllib
import unittest
from pathlib import Path

import millrace

CLIENT = Path(os.environ["MILLRACE_TEST_PYTHON_CLIENT"])


class Package(unittest.TestCase):
    def test_is_built_whole_and_leaves_nothing_in_the_source_tree(self):
        before = sorted(CLIENT.rglob("*"))
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, "setup.py", "-q", "build", "--build-base", folder],
                           cwd=CLIENT, check=True, capture_output=True)
            shown = subprocess.run(
                [sys.executable, "-c", "import millrace, millrace.wire.FetchRequest as wire; "
                                       "print(millrace.__version__, wire.__file__)"],
                cwd=folder, env={"PYTHONPATH": f"{folder}/lib"}, check=True, text=True,
                capture_output=True).stdout
            self.assertTrue(shown.startswith(f"{millrace.__version__} {folder}/lib/"), shown)
        self.assertEqual(sorted(CLIENT.rglob("*")), before)

    def test_is_made_again_when_any_of_its_modules_changes(self):
        named = (CLIENT / "meson.build").read_text()
        for module in (CLIENT / "src" / "millrace").glob("*.py"):
            self.assertIn(f"'src/millrace/{module.name}'", named)

    def test_names_what_it_needs(self):
        project = tomllib.loads((CLIENT / "pyproject.toml").read_text())["project"]
        self.assertEqual(project["name"], "millrace")
        self.assertEqual(project["requires-python"], ">=3.11")
        self.assertEqual([word.split(">")[0] for word in project["dependencies"]], ["flatbuffers"])

    def test_needs_no_module_besides_flatbuffers(self):
        optional = ("crc32c", "lz4", "snappy", "zstandard", "numpy")
        program = ("import sys\n"
                   f"for name in {optional!r}: sys.modules[name] = None\n"
                   "from millrace import *\n"
                   "from millrace.batch import BatchBuilder\n"
                   "from millrace.batch_reader import read_batch\n"
                   "batch = BatchBuilder(); batch.add(1, b'k', b'v')\n"
                   "assert read_batch(memoryview(batch.finish(Compression.GZIP))).records == 1\n"
                   "try: ProducerOptions(compression=Compression.LZ4).check()\n"
                   "except MillraceError as why: print(why)\n")
        done = subprocess.run([sys.executable, "-c", program], text=True, capture_output=True,
                              check=True)
        self.assertIn("install python3-lz4", done.stdout)
