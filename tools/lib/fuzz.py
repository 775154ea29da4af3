# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Runs the fuzzers of tests/fuzz and tells what they found (tools/dev fuzz)."""
import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/fuzz"
CORPUS = ROOT / "tests/fuzz/corpus"
COVERED_MIN = 90.0
INPUT_BYTES_MAX = 8192


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog="tools/dev fuzz", description="Search for inputs that a parser cannot take.")
    parser.add_argument("--only", action="append", metavar="NAME",
                        help="this fuzzer, or all whose names begin so; may be repeated")
    parser.add_argument("--runs", type=int, default=10_000_000, metavar="N",
                        help="executions of each (default: 10,000,000)")
    parser.add_argument("--seconds", type=int, metavar="N",
                        help="all of them together for so long, instead of a number of executions")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="0: another one every time")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the report here")
    parser.add_argument("--coverage", action="store_true",
                        help="also say how much of each parser the stored corpus reaches")
    parser.add_argument("--minimize", action="store_true",
                        help="put what the search found worth keeping into tests/fuzz/corpus")
    return parser.parse_args()


def write_seeds():
    """Returns the names of all fuzzers."""
    done = subprocess.run([BUILD / "tests/fuzz/write_seeds", BUILD / "seeds"], check=True,
                          capture_output=True, text=True)
    return done.stdout.split()


def chosen(names, only):
    if only is None:
        return names
    for prefix in only:
        if not any(name.startswith(prefix) for name in names):
            sys.exit(f"tools/dev fuzz: no fuzzer '{prefix}'; there are: {' '.join(names)}")
    return [name for name in names if any(name.startswith(prefix) for prefix in only)]


def folders(name):
    """Where the search keeps what it finds, and where it begins."""
    found = BUILD / "corpus" / name
    stored = CORPUS / name
    for folder in (found, stored):
        folder.mkdir(parents=True, exist_ok=True)
    return found, stored, BUILD / "seeds" / name


def program_of(name):
    return BUILD / "tests/fuzz" / f"fuzz-{name.split('-')[0]}"


def libfuzzer(name, *words):
    # Of a use after free the call stack tells enough; stacks of every allocation cost half the speed.
    environment = dict(os.environ, MILLRACE_FUZZER=name,
                       ASAN_OPTIONS="malloc_context_size=2:quarantine_size_mb=16",
                       UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1")
    return subprocess.run([program_of(name), *words], env=environment, text=True,
                          stderr=subprocess.PIPE, check=False)


def search(name, seed, limit):
    findings = BUILD / "findings"
    findings.mkdir(exist_ok=True)
    before = set(findings.glob(f"{name}-*"))
    began = time.monotonic()
    done = libfuzzer(name, limit, f"-seed={seed}", f"-max_len={INPUT_BYTES_MAX}", "-timeout=10",
                     "-report_slow_units=1000", "-entropic=0", "-rss_limit_mb=1024", "-print_final_stats=1",
                     f"-artifact_prefix={findings}/{name}-", *folders(name))
    seconds = time.monotonic() - began
    executed = re.search(r"number_of_executed_units:\s*(\d+)", done.stderr)
    found = sorted(str(path.relative_to(ROOT)) for path in set(findings.glob(f"{name}-*")) - before)
    report = {"name": name, "runs": int(executed[1]) if executed else 0,
              "seconds": round(seconds, 1), "findings": found}
    rate = report["runs"] / max(seconds, 0.001)
    print(f"{name:32} {report['runs']:>11,} runs {seconds:>7.0f} s {rate:>9,.0f}/s"
          f"  {len(found)} found", flush=True)
    if done.returncode != 0:
        print(done.stderr[-6000:])
        for path in found:
            print(f"again: MILLRACE_FUZZER={name} {program_of(name).relative_to(ROOT)} {path}")
        report["findings"] = found or ["the fuzzer did not start"]
    return report


def minimize(name):
    """The smallest set of inputs that reaches what all of them reach."""
    kept = BUILD / "kept" / name
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    done = libfuzzer(name, "-set_cover_merge=1", f"-max_len={INPUT_BYTES_MAX}", kept,
                     *folders(name))
    if done.returncode != 0:
        sys.exit(f"tools/dev fuzz: {name} cannot be minimized\n{done.stderr[-2000:]}")
    shutil.rmtree(CORPUS / name)
    shutil.copytree(kept, CORPUS / name)


def parsers():
    """Of each: a fuzzer's name, or the beginning of some; its files; functions to leave out."""
    for line in (ROOT / "tests/fuzz/parsers.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, words = line.split("->")
            words = words.split()
            yield (name.strip(), [word for word in words if not word.startswith("-")],
                   [word[1:] for word in words if word.startswith("-")])


def lines_of(function):
    """The lines of a function, each with whether it was reached: what its smallest region says."""
    regions = sorted((region for region in function["regions"] if region[7] == 0),
                     key=lambda region: (region[2] - region[0], region[3] - region[1]), reverse=True)
    lines = {}
    for region in regions:
        for line in range(region[0], region[2] + 1):
            lines[line] = region[4] > 0
    return lines


def covered_lines(name, files, left_out):
    """Percent of the lines of each file that the corpus of the fuzzers reaches."""
    folder = ROOT / "build/coverage"
    program = folder / "tests/fuzz/corpus_test"
    raw, merged = folder / f"{name}.profraw", folder / f"{name}.profdata"
    word = name.replace("-", "_")
    subprocess.run([program, f"--gtest_filter=*/{word}:*/{word}_*", "--gtest_brief=1"], check=True,
                   stdout=subprocess.DEVNULL,
                   env=dict(os.environ, LLVM_PROFILE_FILE=str(raw), MILLRACE_FUZZ_CORPUS=CORPUS))
    subprocess.run(["llvm-profdata-19", "merge", "-o", merged, raw], check=True)
    done = subprocess.run(["llvm-cov-19", "export", f"--instr-profile={merged}", program,
                           *(ROOT / file for file in files)],
                          check=True, capture_output=True, text=True)
    reached = {}
    for function in json.loads(done.stdout)["data"][0]["functions"]:
        file = str(pathlib.Path(function["filenames"][0]).resolve().relative_to(ROOT))
        wanted = any(file == given or file.startswith(given + "/") for given in files)
        if not wanted or any(word in function["name"] for word in left_out):
            continue
        lines = reached.setdefault(file, {})
        for line, hit in lines_of(function).items():
            lines[line] = lines.get(line, False) or hit
    return {file: round(100 * sum(lines.values()) / len(lines), 1)
            for file, lines in sorted(reached.items())}


def report_coverage(only):
    """By parser; false when too little is reached."""
    enough = True
    result = {}
    for name, files, left_out in parsers():
        if only is not None and not any(name.startswith(word) or word.startswith(name)
                                        for word in only):
            continue
        result[name] = covered_lines(name, files, left_out)
        for file, percent in result[name].items():
            enough &= percent >= COVERED_MIN
            mark = "" if percent >= COVERED_MIN else f"  below {COVERED_MIN:.0f} %"
            print(f"{name:14} {percent:5.1f} %  {file}{mark}")
    return result, enough


def main():
    arguments = parse_arguments()
    names = chosen(write_seeds(), arguments.only)
    limit = f"-runs={arguments.runs}"
    if arguments.seconds is not None:
        limit = f"-max_total_time={arguments.seconds // len(names) + 1}"
    reports = [search(name, arguments.seed, limit) for name in names] if arguments.runs > 0 else []
    if arguments.minimize:
        for name in names:
            minimize(name)
    commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], text=True,
                            capture_output=True, check=False).stdout.strip() or "unknown"
    result = {"commit": commit, "fuzzers": reports}
    good = not any(report["findings"] for report in reports)
    if arguments.coverage:
        result["coverage"], enough = report_coverage(arguments.only)
        good &= enough
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
