# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""The example of the README works word for word, with a broker at the address it names."""
import io
import os
import re
from contextlib import redirect_stdout
from pathlib import Path
from unittest import mock

from support.broker import BrokerCase

import millrace.address

README = Path(os.environ["MILLRACE_TEST_PYTHON_CLIENT"]) / "README.md"
NAMED = "127.0.0.1:9192"


class Readme(BrokerCase):
    def test_example_works_word_for_word(self):
        (example,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
        self.assertIn(NAMED, example)
        self.assertLessEqual(len([line for line in example.splitlines() if line]), 10)
        dial = millrace.address.dial

        def dial_the_tests_broker(address, timeout):
            self.assertEqual(str(address), NAMED)
            return dial(millrace.address.parse_address(self.broker.address), timeout)

        said = io.StringIO()
        with mock.patch("millrace.connection.dial", dial_the_tests_broker), redirect_stdout(said):
            exec(compile(example, str(README), "exec"), {})
        self.assertRegex(said.getvalue(),
                         r"stored in partition [0-2] at offset 0\n\[b'one coffee'\]\n")
