#!/usr/bin/env python3
# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Checks every include against layering.txt, and that nobody's file is built or included by none."""
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
# Include directories besides the root: prefix as written -> folder.
SEARCHED = {"engine/": "engine/include/", "millrace/": "clients/cpp/include/"}


def read_rules() -> tuple[dict[str, list[str]], list[str]]:
    rules: dict[str, list[str]] = {}
    restricted: list[str] = []
    for line in (ROOT / "tools/lint/layering.txt").read_text().splitlines():
        line = line.split("#")[0].strip()
        if line.startswith("restricted:"):
            restricted = [word.strip("<>") for word in line.split()[1:]]
        elif line:
            folder, _, allowed = line.partition("->")
            rules[folder.strip()] = allowed.split()
    return rules, restricted


def tracked(*patterns: str) -> list[str]:
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"]
    if (ROOT / ".git").exists():
        listed = subprocess.run([*command, *patterns], capture_output=True, text=True, check=True)
        return [name for name in listed.stdout.splitlines() if (ROOT / name).exists()]
    suffixes = tuple(pattern.lstrip("*") for pattern in patterns)
    found = []
    for folder, folders, names in os.walk(ROOT):
        # Build folders have any name: Meson leaves this one in each.
        folders[:] = [each for each in folders if not (Path(folder) / each / "meson-private").exists()]
        found += [str((Path(folder) / name).relative_to(ROOT)) for name in names
                  if name.endswith(suffixes)]
    return sorted(found)


def project_path(file: str, name: str) -> str | None:
    """The tree's file that an include means, if it means one."""
    candidates = [name]
    for prefix, folder in SEARCHED.items():
        if name.startswith(prefix):
            candidates.append(folder + name if folder.endswith("include/") else name)
    if file.startswith(("clients/cpp/", "tests/clients/")):
        candidates.append("clients/cpp/src/" + name)
    candidates.append(str((Path(file).parent / name)))
    for candidate in candidates:
        if (ROOT / candidate).exists():
            return candidate
    if name.startswith("schemas/") and name.endswith("_generated.h"):
        return name
    return None


def rule_of(file: str, rules: dict[str, list[str]]) -> tuple[str, list[str]] | None:
    fitting = [folder for folder in rules if file.startswith(folder + "/")]
    return (best := max(fitting, key=len), rules[best]) if fitting else None


def allows(allowed: list[str], target: str) -> bool:
    return any(target == word or target.startswith(word + "/")
               for word in allowed if not word.startswith("<"))


def check_file(file: str, rules: dict[str, list[str]], restricted: list[str]) -> list[str]:
    rule = rule_of(file, rules)
    if rule is None:
        return [f"{file}: no line of layering.txt covers this folder: add one"]
    folder, allowed = rule
    wrong = []
    for _, name in INCLUDE.findall((ROOT / file).read_text()):
        target = project_path(file, name)
        if target is not None:
            generated = target.endswith("_generated.h")
            inside = target.startswith(folder + "/")
            if generated and "<flatbuffers>" not in allowed:
                wrong.append(f"{file}: includes {name}; generated schemas belong to "
                             "broker/protocol, broker/request and the client's codec")
            elif not inside and not generated and not allows(allowed, target):
                wrong.append(f"{file}: {folder} may not include {target} (tools/lint/layering.txt)")
        else:
            head = name.split("/")[0]
            if head in restricted and f"<{head}>" not in allowed:
                wrong.append(f"{file}: {folder} may not include <{name}> (tools/lint/layering.txt)")
    return wrong


def orphans(files: list[str]) -> list[str]:
    built = "\n".join((ROOT / name).read_text() for name in tracked("*meson.build"))
    included = set()
    for file in files:
        for _, name in INCLUDE.findall((ROOT / file).read_text()):
            target = project_path(file, name)
            if target is not None:
                included.add(target)
    wrong = []
    for file in files:
        # By its name, or by what a loop over names makes into it.
        stem = Path(file).stem
        named = any(f"'{word}'" in built or f"/{word}'" in built
                    for word in (Path(file).name, stem, stem.removesuffix("_test")))
        public = "/include/" in file
        if file.endswith(".cc") and not named:
            wrong.append(f"{file}: no meson.build names it: build it or remove it")
        elif file.endswith(".h") and file not in included and not public and not named \
                and Path(file).name != "tidy_prelude.h":
            wrong.append(f"{file}: nobody includes it: use it or remove it")
    return wrong


def main() -> int:
    rules, restricted = read_rules()
    files = tracked("*.h", "*.cc")
    wrong = [line for file in files if file != "tools/lint/tidy_prelude.h"
             for line in check_file(file, rules, restricted)]
    wrong += orphans(files)
    print("\n".join(wrong) if wrong else f"layering: {len(files)} files follow the rules")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
