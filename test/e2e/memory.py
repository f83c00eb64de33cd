#!/usr/bin/env python3
"""Memory is what the plan says: chunks near the max-live bound, allocated to the byte, and no growth while it runs.

  memory.py --bin build/bin --data FOLDER [--steps 10000]
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time

from tools import EXAMPLES, Failure, Tools, cluster, job_text, node_processes, parallel, run

CLUSTERS = {"one device": cluster(1, 1), "two processes": cluster(2, 1)}


def plan_of(tools, base):
    return json.loads(run([tools.tool("of-plan"), "show", "--json", os.path.join(base, "job.plan")]).stdout)


def check_bound(tools, example, name):
    base = tools.compile(f"{example} {name}", job_text(example, {}), CLUSTERS[name])
    worst = 0
    for role in plan_of(tools, base)["roles"]:
        if role["max_live_bytes"]:
            worst = max(worst, sum(c["bytes"] for c in role["chunks"]) / role["max_live_bytes"] - 1)
    if worst > 0.02:
        raise Failure(f"chunks are {100 * worst:.2f} % above the max-live bound")
    return f"chunks {100 * worst:.2f} % above the max-live bound"


def resident(pid):
    with open(f"/proc/{pid}/status") as file:
        return int(re.search(r"VmRSS:\s+(\d+) kB", file.read())[1]) << 10


def shared_chunks(pid):
    """Sizes of the memfd mappings named as chunks, own and peers'."""
    sizes = []
    with open(f"/proc/{pid}/maps") as file:
        for line in file:
            if "memfd:of-chunk" in line:
                begin, end = (int(x, 16) for x in line.split()[0].split("-"))
                sizes.append(end - begin)
    return sorted(sizes)


def steps_done(base):
    try:
        with open(os.path.join(base, "metrics.jsonl")) as file:
            return sum(1 for _ in file)
    except OSError:
        return 0


def check_growth(tools, steps):
    job = job_text("mlp", {"epochs": None, "steps": steps, "evaluate": None, "checkpoint": None}, (), parallel())
    base = tools.compile("growth", job, CLUSTERS["two processes"])
    plan = os.path.join(base, "job.plan")
    tools.next_port += 16
    process = subprocess.Popen([tools.tool("of-run"), plan, "--local", "--data", tools.data, "--out", base, "--port",
                                str(tools.next_port)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    early, late, chunks = {}, {}, []
    while process.poll() is None:
        done = steps_done(base)
        for node, pid in node_processes(plan).items():
            try:
                if done >= min(200, steps // 4) and node not in early:
                    early[node], chunks = resident(pid), shared_chunks(pid)
                if node in early:
                    late[node] = max(late.get(node, 0), resident(pid))
            except (OSError, TypeError):
                pass
        time.sleep(0.02)
    if process.returncode:
        raise Failure(process.stderr.read())
    page = os.sysconf("SC_PAGE_SIZE")
    expected = sorted(-(-c["bytes"] // page) * page for r in plan_of(tools, base)["roles"] for c in r["chunks"]
                      for _ in r["devices"])
    if chunks != expected:
        raise Failure(f"chunks mapped {chunks}, the plan has {expected}")
    growth = max(late[node] - early[node] for node in early)
    # The trace and metrics buffers are touched as they are first used, and lines of metrics that have come are formatted together: up to
    # 0.7 MiB. Anything per step would show as megabytes.
    if len(early) != 2 or growth > 1 << 20:
        raise Failure(f"grew by {growth} bytes over {steps} steps")
    return f"chunks mapped as planned ({sum(chunks)} bytes on a node); {growth} bytes of growth over {steps} steps"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--steps", type=int, default=10000)
    args = parser.parse_args()
    failed = 0

    def report(label, check, *arguments):
        nonlocal failed
        try:
            print(f"ok   {label}: {check(*arguments)}", flush=True)
        except Failure as failure:
            failed += 1
            print(f"FAIL {label}: {failure}", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        tools = Tools(args.bin, args.data, folder)
        for example in sorted(os.listdir(EXAMPLES)):
            if os.path.exists(os.path.join(EXAMPLES, example, "model.mlir")): # others are exported first
                for name in CLUSTERS:
                    report(f"{example}, {name}", check_bound, tools, example, name)
        report("growth", check_growth, tools, args.steps)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
