# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Version of this library; pyproject.toml reads it here."""
VERSION = "0.1.0"
