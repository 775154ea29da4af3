// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/command_line.h"
#include "tools/millrace/interrupt.h"

int main(int argc, char** argv) {
    millrace::cli::watch_for_interrupts();
    return static_cast<int>(millrace::cli::run_command_line(argc, argv));
}
