#!/usr/bin/env python3
# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Long searches for lost records, damage that goes unnoticed, and bugs that nobody would catch.

Each campaign is a program of the release build that searches for as long as it is told, or all
there is, and says how much it has looked at. `--write` adds the run to docs/campaigns.md.
"""
import argparse
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time
import typing

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/release"
RECORD = ROOT / "docs/campaigns.json"
PAGE = ROOT / "docs/campaigns.md"
UNITS = {"s": 1, "m": 60, "h": 3600}


def duration(text):
    match = re.fullmatch(r"(\d+)([smh]?)", text)
    if match is None or int(match[1]) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is not a duration such as 600s, 10m or 2h")
    return int(match[1]) * UNITS[match[2] or "s"]


def tests_in(program):
    listed = subprocess.run([program, "--gtest_list_tests"], text=True, capture_output=True, check=True)
    return [line for line in listed.stdout.splitlines() if line.startswith("  ")]


def run_tests(program, environment):
    """Runs a test program. What its cases recorded, summed, and the names of those that failed."""
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder, "report.json")
        ended = subprocess.run([program, "--gtest_brief=1", f"--gtest_output=json:{report}"],
                               env={**os.environ, **environment}, check=False)
        if not report.exists():
            sys.exit(f"{program.name} ended without a report (status {ended.returncode})")
        suites = json.loads(report.read_text())["testsuites"]
    sums = {"cases": 0, "distinct": 0, "tests": 0, "ran": 0, "failed": []}
    for case in (case for suite in suites for case in suite["testsuite"]):
        sums["tests"] += 1
        sums["ran"] += case["result"] == "COMPLETED"
        sums["cases"] += int(case.get("cases", 0))
        sums["distinct"] += int(case.get("distinct", case.get("cases", 0)))
        if case.get("failures"):
            sums["failed"].append(case["name"].rpartition("/")[2])
    return sums


def searched(sums):
    return {"cases": sums["cases"], "distinct": sums["distinct"], "violations": len(sums["failed"])}


def crash(seconds, seed):
    program = BUILD / "tests/crash/crash_enumeration_test"
    each = seconds // len(tests_in(program)) + 1
    return searched(run_tests(program, {
        "MILLRACE_CRASH_SEED": str(seed), "MILLRACE_CRASH_SECONDS": str(each),
        "MILLRACE_CRASH_BUDGET": os.environ.get("MILLRACE_CRASH_BUDGET", "20")}))


def exhaustive(name):
    def run(_seconds, _seed):
        return searched(run_tests(BUILD / f"tests/crash/{name}_test", {"MILLRACE_CRASH_BUDGET": "20"}))
    return run


def kill(seconds, _seed):
    program = BUILD / "tests/integration/integration_kill"
    each = seconds // len(tests_in(program)) + 1
    return searched(run_tests(program, {
        "MILLRACE_KILL_SECONDS": str(each),
        "MILLRACE_TEST_MILLRACED": str(BUILD / "broker/millraced"),
        "MILLRACE_TEST_MILLRACE": str(BUILD / "tools/millrace/millrace")}))


def power_cut(seconds, seed):
    program = BUILD / "tests/integration/integration_power_cut"
    refused = [why for good, why in ((os.geteuid() == 0, "root, to mount file systems"),
                                     (os.path.exists("/dev/fuse"), "/dev/fuse"),
                                     (os.path.exists("/dev/loop-control"), "/dev/loop-control")) if not good]
    if refused:
        sys.exit("power-cut needs " + " and ".join(refused))
    environment = {
        "MILLRACE_TEST_FUSE_DISK": str(BUILD / "tests/support/fuse_disk"),
        "MILLRACE_TEST_MILLRACED": str(BUILD / "broker/millraced"),
        "MILLRACE_TEST_UNFLUSHED_MILLRACED": str(BUILD / "tests/integration/unflushed_millraced"),
        "MILLRACE_CUT_SEED": str(seed), "MILLRACE_CUT_SECONDS": str(seconds // 2 + 1)}
    noticed = run_tests(program, {**environment, "GTEST_FILTER": "*.IsNoticed*"})
    if noticed["failed"] or not noticed["ran"]:
        sys.exit("power-cut counts nothing: a broker that does not flush was not caught")
    return searched(run_tests(program, {**environment, "GTEST_FILTER": "-*.IsNoticed*"}))


def planted(_seconds, _seed):
    sums = run_tests(BUILD / "tests/crash/planted_bugs_test", {})
    return {"cases": sums["tests"], "distinct": sums["tests"], "violations": len(sums["failed"]),
            "planted": sums["tests"], "caught": sums["tests"] - len(sums["failed"]),
            "missed": sums["failed"]}


def hostile(seconds, seed):
    ended = subprocess.run([BUILD / "tests/hostile/hostile_mix", str(seconds), str(seed)], text=True,
                           env={**os.environ, "MILLRACE_TEST_MILLRACED": str(BUILD / "broker/millraced")},
                           stdout=subprocess.PIPE, check=False)
    print(ended.stdout, end="", flush=True)
    attacks = sum(int(count) for count in re.findall(r"^  [\w-]+ +(\d+)$", ended.stdout, re.M))
    broken = len(re.findall(r"^FAIL", ended.stdout, re.M))
    return {"cases": attacks, "distinct": attacks, "violations": max(broken, int(ended.returncode != 0))}


def fuzz(seconds, seed):
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder, "report.json")
        subprocess.run([ROOT / "tools/dev", "fuzz", "--seconds", str(seconds), "--seed", str(seed),
                        "--json", report], check=False)
        fuzzers = json.loads(report.read_text())["fuzzers"]
    runs = sum(fuzzer["runs"] for fuzzer in fuzzers)
    return {"cases": runs, "distinct": runs, "violations": sum(len(fuzzer["findings"]) for fuzzer in fuzzers)}


class Campaign(typing.NamedTuple):
    run: typing.Callable  # With seconds and a seed; what is counted.
    about: str
    targets: tuple  # Of the release build.


CAMPAIGNS = {
    "crash": Campaign(crash, "states after a crash, and after a second one, on a simulated disk",
                      ("tests/crash/crash_enumeration_test",)),
    "io-fault": Campaign(exhaustive("fault_sweep"), "every operation failed with every error",
                         ("tests/crash/fault_sweep_test",)),
    "corruption": Campaign(exhaustive("damage"), "every block of every file spoiled",
                           ("tests/crash/damage_test",)),
    "disk-full": Campaign(exhaustive("full_disk"), "a disk that is full after every number of blocks",
                          ("tests/crash/full_disk_test",)),
    "kill": Campaign(kill, "kills of a real broker under load",
                     ("broker/millraced", "tools/millrace/millrace", "tests/integration/integration_kill")),
    "power-cut": Campaign(power_cut, "power cuts of a real broker's disk under load, ext4 and XFS; counted only "
                                     "where a broker that does not flush is caught",
                          ("broker/millraced", "tests/integration/integration_power_cut",
                           "tests/integration/unflushed_millraced", "tests/support/fuse_disk")),
    "fuzz": Campaign(fuzz, "inputs that no parser should get", ()),
    "hostile": Campaign(hostile, "hostile clients beside an honest one",
                        ("broker/millraced", "tests/hostile/hostile_mix")),
    "planted": Campaign(planted, "bugs planted, each to be caught", ("tests/crash/planted_bugs_test",)),
}


def table_of(runs):
    totals = {}
    for run in runs:
        total = totals.setdefault(run["campaign"], {"runs": 0, "cases": 0, "distinct": 0, "violations": 0})
        total["runs"] += 1
        for count in ("cases", "distinct", "violations"):
            total[count] += run[count]
    lines = ["# Campaigns", "",
             "Written by `tools/dev campaign NAME --write`. A case is what the campaign looks at: "
             + "; ".join(f"**{name}**: {about}" for name, (_, about, _) in CAMPAIGNS.items()) + ".", "",
             "| campaign | runs | cases | distinct | violations |", "|---|---|---|---|---|"]
    lines += [f"| {name} | {total['runs']} | {total['cases']:,} | {total['distinct']:,} | {total['violations']} |"
              for name, total in totals.items()]
    lines += ["", "## Runs", "", "| campaign | commit | seed | seconds | cases | distinct | violations |",
              "|---|---|---|---|---|---|---|"]
    lines += [f"| {run['campaign']} | {run['commit']} | {run['seed']} | {run['seconds']:.0f} | {run['cases']:,} | "
              f"{run['distinct']:,} | {run['violations']} |" for run in runs]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(
        prog="tools/dev campaign", description="Search longer than a test may.",
        epilog="; ".join(f"{name}: {about}" for name, (_, about, _) in CAMPAIGNS.items()))
    parser.add_argument("name", choices=CAMPAIGNS, metavar="NAME", help=" ".join(CAMPAIGNS))
    parser.add_argument("--budget", type=duration, default="10m", metavar="D",
                        help="for a search that could go on for ever (default: 10m)")
    parser.add_argument("--seed", type=int, default=random.randrange(1, 1 << 31), metavar="N",
                        help="begin with this seed")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the report here")
    parser.add_argument("--write", action="store_true", help=f"add the run to {PAGE.relative_to(ROOT)}")
    arguments = parser.parse_args()

    campaign = CAMPAIGNS[arguments.name]
    if campaign.targets:
        subprocess.run([ROOT / "tools/dev", "build", "release", *campaign.targets], check=True)
    print(f"{arguments.name}: seed {arguments.seed}", flush=True)
    began = time.monotonic()
    counted = campaign.run(arguments.budget, arguments.seed)
    commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], text=True,
                            capture_output=True, check=False).stdout.strip() or "unknown"
    run = {"campaign": arguments.name, "commit": commit, **counted, "seed": arguments.seed,
           "seconds": round(time.monotonic() - began, 1)}
    print(f"{run['cases']:,} cases, {run['distinct']:,} distinct, {run['violations']} violations"
          f" in {run['seconds']:.0f} s")
    if arguments.json:
        arguments.json.write_text(json.dumps([run], indent=1) + "\n")
    if arguments.write:
        runs = json.loads(RECORD.read_text()) if RECORD.exists() else []
        RECORD.write_text(json.dumps([*runs, run], indent=1) + "\n")
        PAGE.write_text(table_of([*runs, run]))
    sys.exit(1 if run["violations"] else 0)


if __name__ == "__main__":
    main()
