#!/usr/bin/env python3
"""What a trace shows is what the plan says: each stream fires its static order, each message lies on a channel.

  streaming.py --bin build/bin --data FOLDER [--steps N]
"""
import argparse
import collections
import json
import os
import re
import sys
import tempfile

from tools import Failure, Tools, cluster, expect, job_text, parallel, pin, run

LAYOUTS = {
    "one host": (cluster(2, 1), parallel()),
    "two hosts": (cluster(2, 1, hosts=2), parallel()),
    "pipeline": (cluster(2, 1, hosts=2), parallel(stages=["z2"])),
    "data x model": (cluster(2, 2, hosts=2), parallel({"data": 2, "model": 2}, pins=[
        pin("parameter", "fc1.weight", model="S(1)"), pin("parameter", "fc1.bias", model="S(0)"),
        pin("parameter", "fc2.weight", model="S(0)")])),
}


def expand(order):
    """'a x 2, b' -> ['a', 'a', 'b']"""
    out = []
    for word in order.split(", "):
        match = re.fullmatch(r"(.*) x (\d+)", word)
        out += [match[1]] * int(match[2]) if match else [word]
    return out


def check(tools, name, steps):
    cluster_text, parallel_text = LAYOUTS[name]
    micros = 4 if name == "pipeline" else 1
    job = job_text("mlp", {"epochs": None, "steps": steps, "evaluate": None, "accumulate": micros}, (), parallel_text)
    base = tools.train(tools.compile(name, job, cluster_text), "--trace")
    shown = json.loads(run([tools.tool("of-plan"), "show", "--json", os.path.join(base, "job.plan")]).stdout)
    with open(os.path.join(base, "trace.json")) as file:
        trace = json.load(file)
    expect(trace.get("droppedEvents", 0) == 0, "the trace dropped events; take fewer steps")
    devices = {role["name"]: role["devices"] for role in shown["roles"]}
    placements = {p["name"]: p["devices"] for p in shown["placements"]}

    # Streams: spans by start, against the cyclic order.
    tracks, spans, kernels = {}, collections.defaultdict(list), {}
    for event in trace["traceEvents"]:
        if event["name"] == "thread_name":
            tracks[event["pid"], event["tid"]] = event["args"]["name"]
        elif event["name"] == "kernels":
            kernels[event["args"]["program"], event["args"]["task"]] = event["args"]["kernels"]
        elif event["ph"] == "X" and event["cat"] == "task":
            spans[event["args"]["program"], event["pid"], event["tid"]].append(event)
    streams = firings = 0
    for program in shown["programs"]:
        runs = steps if program["kind"] == "train" else 1
        for role in program["roles"]:
            for stream, order in role["orders"].items():
                for device in devices[role["role"]]:
                    track = f"device {device} {stream}"
                    key = next(k for k, v in tracks.items() if v == track)
                    found = sorted(spans.pop((program["name"], *key), []), key=lambda e: e["ts"])
                    if not found and program["kind"] == "snapshot":
                        continue
                    expected = expand(order) * runs
                    expect([e["name"] for e in found] == expected,
                           f"{track} of {program['name']} fired {len(found)} tasks in another order than the plan's {len(expected)}")
                    ends = [e["ts"] + e["dur"] for e in found]
                    expect(all(b["ts"] >= a - 0.002 for a, b in zip(ends, found[1:])), f"{track}: firings overlap")
                    streams, firings = streams + 1, firings + len(found)
    expect(not spans, f"spans on streams that the plan does not have: {list(spans)}")

    # Kernels: each segment's, with the line of the model they come from.
    for program in shown["programs"]:
        for task in (t for role in program["roles"] for t in role["tasks"] if t["kind"] == "segment"):
            expected = [{"name": k["name"], "location": k["location"]} for k in task["kernels"]]
            expect(kernels.get((program["name"], task["name"])) == expected,
                   f"the trace lists other kernels of {task['name']} of {program['name']} than the plan")
    lines = {k["location"] for listed in kernels.values() for k in listed}
    expect(any(re.search(r"model\.mlir:8:\d+$", line) for line in lines), "no kernel comes from line 8 of the model, a matmul")

    # Messages: each on an exchange, between a source and a destination of it, numbered without a gap.
    exchanges = {}
    for exchange in shown["exchanges"]:
        ends = [(t["from"].split()[0], t["to"].split()[0]) for t in exchange["tensors"]]
        exchanges[exchange["name"]] = [(placements[a], placements[b]) for a, b in ends]
    sequences, messages = collections.defaultdict(list), 0
    for event in trace["traceEvents"]:
        if event["ph"] != "i":
            continue
        a = event["args"]
        expect(a["exchange"] in exchanges, f"a message of exchange {a['exchange']}, which is not in the plan")
        expect(any(a["from"] in src and a["to"] in dst for src, dst in exchanges[a["exchange"]]),
               f"a message of {a['exchange']} from device {a['from']} to {a['to']}, which it does not connect")
        sequences[event["pid"], a["direction"], event["name"], a["program"], a["exchange"], a["from"], a["to"]].append(a["sequence"])
        messages += 1
    for key, found in sequences.items():
        expect(sorted(found) == list(range(len(found))), f"messages {key} are not numbered 0, 1, ...")
    expect(messages > 0, "no messages in the trace")
    return f"{streams} streams in order, {firings} firings; {messages} messages on {len(sequences)} channel ends"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--case", action="append")
    args = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        tools = Tools(args.bin, args.data, folder)
        for name in args.case or LAYOUTS:
            try:
                print(f"ok   {name}: {check(tools, name, args.steps)}", flush=True)
            except Failure as failure:
                failed += 1
                print(f"FAIL {name}: {failure}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
