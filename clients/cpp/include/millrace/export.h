// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Marks what the shared library exports; everything else in it is hidden.
#pragma once

#define MILLRACE_API __attribute__((visibility("default")))
