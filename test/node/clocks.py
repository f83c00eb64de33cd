#!/usr/bin/env python3
"""Nodes whose clocks differ write traces with the times of one clock: no arrow goes back in time by more than the traces say.

  clocks.py --bin build/bin [--steps N] [--shift SECONDS] [--hosts 00|01]

Each node of a toy plan is a process with a trace file of its own; node 1 runs in a time namespace whose clock is ahead by a
few hundred seconds. Then of-plan report takes both files. What the traces add to node 1's times is taken away again for the
negative twin: then arrows must go back. Needs the right to make namespaces; says so where it is missing.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from ports import free_ports  # noqa: E402

SKIPPED = 77


def shifted(seconds):
    """Words before a command that shift its clock; as root or else as a user that is root of a namespace."""
    for words in (["unshare"], ["unshare", "--user", "--map-root-user"]):
        command = [*words, "--time", "--monotonic", str(seconds), "--boottime", str(seconds)]
        try:
            if subprocess.run([*command, "true"], capture_output=True).returncode == 0:
                return command
        except FileNotFoundError:
            break
    print("skipped: a process cannot be given a clock of its own here (unshare --time)")
    sys.exit(SKIPPED)


def run_nodes(args, folder, hosts, before):
    """The plan and a trace for each node, as if on hosts of their own."""
    tool = lambda name: os.path.join(os.path.abspath(args.bin), name)
    plan = os.path.join(folder, f"toy-{hosts}.plan")
    subprocess.run([tool("write-toy-plan"), plan, hosts, "1", str(args.steps), "0"], check=True)
    peers = ",".join(f"127.0.0.1:{port}" for port in free_ports(2))
    outs = [os.path.join(folder, f"{hosts}-{n}") for n in range(2)]
    nodes = [subprocess.Popen([*before[n], tool("of-run"), plan, "--node", str(n), "--peers", peers, "--trace", "--out", outs[n]],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for n in range(2)]
    said = [n.communicate(timeout=120)[1] for n in nodes]
    if any(n.returncode for n in nodes):
        sys.exit(f"exit codes {[n.returncode for n in nodes]}\n{''.join(said)}")
    traces = [os.path.join(outs[n], f"trace-{n}.json") for n in range(2)]
    page = os.path.join(folder, "report.html")
    subprocess.run([tool("of-plan"), "report", plan, "-o", page, "--trace", ",".join(traces)], check=True)
    return [json.load(open(path))["traceEvents"] for path in traces]


def clock_of(events):
    return next(e["args"] for e in events if e["name"] == "clock")


def gaps(traces, corrections):
    """From each arrow's begin to its end, in microseconds, without what was added to the times of each node."""
    starts, ends = {}, {}
    for events, correction in zip(traces, corrections):
        for e in events:
            if e.get("cat") == "edge":
                (starts if e["ph"] == "s" else ends)[e["id"]] = (e["pid"], e["ts"] - correction)
    if set(starts) != set(ends):
        sys.exit(f"{len(set(starts) ^ set(ends))} of {len(starts)} arrows have one end")
    between = [ends[i][1] - starts[i][1] for i in starts if starts[i][0] != ends[i][0]]
    if not between:
        sys.exit("no arrow goes from one node to another")
    return between


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--shift", type=int, default=300)
    parser.add_argument("--hosts", action="append", choices=["00", "01"], help="Of the two nodes: the same or two")
    args = parser.parse_args()
    before = [[], shifted(args.shift)]
    with tempfile.TemporaryDirectory() as folder:
        for hosts in args.hosts or ("00", "01"):
            traces = run_nodes(args, folder, hosts, before)
            clocks = [clock_of(t) for t in traces]
            error, offset = sum(c["error_us"] for c in clocks), clocks[1]["offset_us"]
            if clocks[0] != {"offset_us": 0, "drift_ppm": 0, "error_us": 0} or abs(offset + args.shift * 1e6) > error + 1:
                sys.exit(f"clocks {clocks}, node 1's is ahead by {args.shift} s")
            between = gaps(traces, [0, 0])
            if min(between) < -error:
                sys.exit(f"an arrow goes back by {-min(between):.1f} us, the traces say that they are wrong by {error:.1f} us at most")
            if min(gaps(traces, [0, offset])) > -args.shift * 1e5:
                sys.exit("without the correction no arrow goes back: this test sees nothing")
            print(f"ok   hosts {hosts}: {len(between)} arrows between nodes, the earliest ends {min(between):.1f} us after it begins, the "
                  f"median {statistics.median(between):.1f} us; times wrong by {error:.1f} us at most, drift {clocks[1]['drift_ppm']:.2f} ppm")


if __name__ == "__main__":
    main()
