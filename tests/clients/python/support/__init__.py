# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
