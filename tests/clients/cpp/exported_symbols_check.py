#!/usr/bin/env python3
# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""The shared library exports the public interface and nothing of its insides.

usage: exported_symbols_check.py LIBRARY"""
import subprocess
import sys

INSIDE = ('millrace::detail::', 'millrace::engine::', 'millrace::wire::', 'flatbuffers::')
WANTED = ('millrace::Client::connect', 'millrace::Producer::send', 'millrace::Consumer::poll',
          'millrace::Admin::create_topic', 'millrace::version')


def main():
    listing = subprocess.run(['nm', '-DC', '--defined-only', sys.argv[1]], check=True,
                             capture_output=True, text=True).stdout
    # Weak symbols are instances of the standard library's templates.
    strong = [line.split(' ', 2)[2] for line in listing.splitlines() if ' T ' in line]
    names = [name.split('(')[0] for name in strong]
    failures = [f'exports {name}' for name in names if name.startswith(INSIDE)]
    failures += [f'does not export {name}' for name in WANTED if name not in names]
    print('\n'.join(failures) or f'{len(strong)} functions are exported')
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
