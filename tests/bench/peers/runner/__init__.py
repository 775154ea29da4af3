# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""The brokers that the row `peers` measures beside Millrace: had, started, given the job, stopped."""
