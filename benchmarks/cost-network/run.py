"""Solves cost networks of the iopddl contest and compares with what is known of them.

usage: run.py OF_PLAN FILE... [--work N] [--best best.csv]

Prints a table row for each file: seconds (process and wall clock, reading included), cost, its ratio
to the best known, lower bound, gap, bytes in use against the limit.
"""
import argparse
import csv
import json
import os
import resource
import subprocess
import time


def known(path):
    with open(path, encoding="utf-8", newline="") as file:
        return {row["name"]: int(row["best"]) for row in csv.DictReader(file)}


def solve(program, path, work):
    """The tool's document, processor seconds and wall-clock seconds."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime, time.time()
    done = subprocess.run([program, "solve", path, "--json", "--work", str(work)],
                          capture_output=True, text=True, check=False)
    wall = time.time() - start
    if done.returncode not in (0, 4):
        raise SystemExit(done.stderr.strip())
    return json.loads(done.stdout), resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before, wall


def text(value, pattern):
    return "none" if value is None else pattern.format(value)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("files", nargs="+")
    parser.add_argument("--work", type=int, default=0, help="units; 0: by the size of the network")
    parser.add_argument("--best", default=os.path.join(os.path.dirname(__file__), "best.csv"))
    arguments = parser.parse_args()
    best = known(arguments.best)
    print("| network | cpu s | wall s | cost | x best known | lower bound | gap | bytes / limit |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for path in arguments.files:
        s, cpu, wall = solve(arguments.program, path, arguments.work)
        cost, limit = s["cost"], s["usage_limit"]
        ratio = cost / best[s["name"]] if cost is not None and s["name"] in best else None
        print(f"| {s['name']} | {cpu:.1f} | {wall:.1f} | {text(cost, '{:,.0f}')} "
              f"| {text(ratio, '{:.5f}')} | {text(s['lower_bound'], '{:,.0f}')} "
              f"| {text(s['gap'], '{:.2%}')} | {s['peak_bytes'] / limit if limit else 0:.4f} |",
              flush=True)


if __name__ == "__main__":
    main()
