# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""What the foreign reader tests share: Kafka's programs, our own, and the vectors for both."""
