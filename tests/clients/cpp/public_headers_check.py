#!/usr/bin/env python3
# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Every public header compiles alone, as C++17, 20 and 23, with every compiler named, and includes
nothing of the project's insides, FlatBuffers or libuv.

usage: public_headers_check.py INCLUDE_DIRECTORY COMPILER..."""
import pathlib
import subprocess
import sys

STANDARDS = ('c++17', 'c++20', 'c++2b')
WARNINGS = ('-Wall', '-Wextra', '-Wpedantic', '-Wconversion', '-Wshadow', '-Werror')
FORBIDDEN = ('flatbuffers', 'uv.h', 'engine/', 'schemas/', 'clients/cpp/src')


def main():
    include = pathlib.Path(sys.argv[1])
    headers = sorted((include / 'millrace').glob('*.h'))
    failures = [] if headers else ['no header in ' + str(include)]
    for compiler in sys.argv[2:]:
        for header in headers:
            source = f'#include "millrace/{header.name}"\n#include "millrace/{header.name}"\n'
            for standard in STANDARDS:
                command = [compiler, '-std=' + standard, *WARNINGS, '-I', str(include), '-x', 'c++',
                           '-fsyntax-only', '-']
                run = subprocess.run(command, input=source, capture_output=True, text=True)
                if run.returncode != 0:
                    failures.append(f'{header.name}, {compiler} {standard}:\n{run.stderr}')
            depends = subprocess.run([compiler, '-std=c++17', '-I', str(include), '-x', 'c++', '-M',
                                      '-'], input=source, capture_output=True, text=True).stdout
            for word in FORBIDDEN:
                if word in depends.replace(str(include), ''):
                    failures.append(f'{header.name} includes {word}')
    print('\n'.join(failures) or f'{len(headers)} headers are fine')
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
