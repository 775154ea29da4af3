// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/command_line.h"
#include "tools/millrace/interrupt.h"
#include "tools/millrace/standard_error.h"

int main(int argc, char** argv) {
    millrace::cli::fill_standard_descriptors();
    millrace::cli::ignore_closed_pipes();
    return static_cast<int>(millrace::cli::run_command_line(argc, argv));
}
