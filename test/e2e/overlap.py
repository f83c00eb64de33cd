#!/usr/bin/env python3
"""A step lasts as long as the busiest of disk, link and compute, not as long as their sum: a pipeline of two hosts under a simulated
clock, its reader and its link throttled to a part of the compute time. The plan is compiled for the link it is given.

  overlap.py --bin build/bin --data FOLDER [--micros M] [--rows R] [--real STEPS]

--real runs each case with real processes too and prints what was measured; with cores to spare it should agree.
"""
import argparse
import collections
import json
import os
import sys
import tempfile

from tools import Failure, Tools, cluster, job_text, parallel, run

CASES = [(0.5, 0), (0.9, 0), (0, 0.5), (0, 0.9), (0.5, 0.5), (0.9, 0.9)]  # read, link: parts of the compute time
LIMIT = 1.05
FAST = 1e12


class Pipeline:
    def __init__(self, tools, micros, rows, steps):
        self.tools, self.batch = tools, micros * rows
        self.job = job_text("mlp", {"epochs": None, "steps": steps, "evaluate": None, "checkpoint": None, "accumulate": micros, "batch": self.batch},
                            (), parallel(stages=["z2"]))

    def compile(self, rate=FAST):
        net = f"resources: [{{name: net, gb_per_s: {rate / 1e9!r}, latency_us: 50}}]\npaths: [{{from: n0, to: n1, over: [net]}}]\n"
        return self.tools.compile("pipeline", self.job, cluster(2, 1, hosts=2) + net)

    def throttles(self, read, rate, compute):
        return ["--throttle-link", repr(rate)] + (["--throttle-read", repr(self.batch / (read * compute))] if read else [])

    def simulate(self, base, *flags):
        return json.loads(run([self.tools.tool("of-plan"), "simulate", "--json", os.path.join(base, "job.plan"), *flags]).stdout)

    def measure(self, base, *flags):
        """As `simulate`, from the trace of a real run: the step time and the busy time of each stream, without the first steps."""
        self.tools.train(base, "--trace", *flags)
        with open(os.path.join(base, "trace.json")) as file:
            spans = [e for e in json.load(file)["traceEvents"] if e.get("cat") == "task" and e["args"]["program"] == "train"]
        tracks = collections.defaultdict(list)
        for span in spans:
            tracks[span["pid"], span["tid"], span["name"]].append(span)
        ends = sorted(s["ts"] + s["dur"] for s in tracks[next(k for k in tracks if k[2] == "metric")])
        skip = len(ends) // 4
        steps = len(ends) - skip - 1
        busy = {name: sum(s["dur"] for s in found if ends[skip] < s["ts"] < ends[-1]) / steps / 1e6
                for (_, _, name), found in tracks.items()}
        return (ends[-1] - ends[skip]) / steps / 1e6, busy


def busy(simulation, kind):
    return max(s["busy_seconds_per_step"] for s in simulation["streams"] if kind in s["stream"])


def link_bytes(simulation):
    return max(n["pushed_bytes_per_step"] for n in simulation["nodes"])


def say(where, read, link, step, busiest, total):
    print(f"{where}  read {read:.0%}, link {link:.0%}: step {step / busiest:.3f} x the busiest, one after the other {total / busiest:.2f} x")


def check(pipeline):
    free = pipeline.simulate(pipeline.compile(), "--throttle-link", repr(FAST))
    compute, pushed = busy(free, "compute"), link_bytes(free)
    for read, link in CASES:
        rate = pushed / (link * compute) if link else FAST
        found = pipeline.simulate(pipeline.compile(rate), *pipeline.throttles(read, rate, compute))
        parts = [compute, read * compute, link_bytes(found) / rate]
        step = found["step_seconds"]
        say("sim", read, link, step, max(parts), sum(parts))
        if step > LIMIT * max(parts):
            raise Failure(f"a step of {step} s; the busiest of compute, read and link takes {max(parts)} s")
        if sum(parts) < 1.4 * max(parts):
            raise Failure(f"read and link take {parts[1:]} s beside {compute} s of compute: this case shows nothing")


def show_real(pipeline):
    free = pipeline.simulate(pipeline.compile(), "--throttle-link", repr(FAST))
    predicted, pushed = busy(free, "compute"), link_bytes(free)
    for read, link in [(0, 0), *CASES]:
        # The machine may be busy: compute is measured anew before each case and again in it.
        _, spans = pipeline.measure(pipeline.compile())
        compute = sum(t for name, t in spans.items() if name.startswith("stage0.compute"))
        rate = pushed / (link * compute) if link else FAST
        # The plan is for the same part of the predicted compute, as if cluster.yaml had been measured.
        base = pipeline.compile(pushed / (link * predicted) if link else FAST)
        step, spans = pipeline.measure(base, *pipeline.throttles(read, rate, compute))
        parts = [sum(t for name, t in spans.items() if name.startswith("stage0.compute")), spans["train_data"], pushed / rate]
        say("real", read, link, step, max(parts), sum(parts))
        print(f"      compute {parts[0]:.3f} s, before {compute:.3f} s, predicted {predicted:.3f} s; read {parts[1]:.3f} s, link {parts[2]:.3f} s; step {step:.3f} s")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--micros", type=int, default=64)
    parser.add_argument("--rows", type=int, default=64, help="of a micro-batch")
    parser.add_argument("--real", type=int, default=0, metavar="STEPS")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tools = Tools(options.bin, options.data, folder)
        try:
            check(Pipeline(tools, options.micros, options.rows, 8))
            if options.real:
                show_real(Pipeline(tools, options.micros, options.rows, options.real))
        except Failure as failure:
            sys.exit(f"FAILED {failure}")


main()
