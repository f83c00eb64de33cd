"""What each kernel of a job was predicted to take, and what it took.

usage: kernels.py BIN DATA JOB [--steps N] [--rows N]     JOB: a name that predict.py prints, as "CNN, data"

Compiles the job for this machine and trains it for some steps, with a trace and without. Prints the kernels whose predictions are furthest
off, in seconds of a step; then sums by routine and what other tasks take. Times are medians over the firings, of several
devices the slowest's; of kernels those on the processor, which others' work lengthens less.
"""
import argparse
import collections
import json
import os
import statistics
import tempfile

from predict import JOBS, Machine


class Part:
    """A kernel, or a task without kernels."""

    def __init__(self, what, task, firings, shown):
        self.name, self.location = shown["name"], shown.get("location", "")
        self.what, self.task, self.firings = what, task, firings
        self.flops, self.bytes = shown.get("flops", 0), shown.get("bytes", 0)
        self.predicted = firings * shown["seconds"]
        self.times = collections.defaultdict(list)  # by device

    def measured(self):
        return self.firings * max((statistics.median(t) for t in self.times.values()), default=0)


def parts(shown):
    """Of the train program, by (task, number of the kernel); a task without kernels has number -1."""
    out = {}
    for role in next(p for p in shown["programs"] if p["kind"] == "train")["roles"]:
        for task in role["tasks"]:
            kernels = task.get("kernels", [])
            for i, kernel in enumerate(kernels):
                out[task["name"], i] = Part(kernel.get("library", "generated"), task["name"], task["firings"], kernel)
            if not kernels:
                out[task["name"], -1] = Part(task["kind"], task["name"], task["firings"], task)
    return out


def events(out):
    """Those of the train program that last."""
    with open(os.path.join(out, "trace.json")) as file:
        return [e for e in json.load(file)["traceEvents"]
                if e.get("ph") == "X" and e.get("args", {}).get("program") == "train"]


def addTimes(found, trace):
    """What a trace says of them. A segment of one kernel is an event of its task alone."""
    for e in trace:
        if e["cat"] == "kernel":
            part = found[e["args"]["task"], e["args"]["call"]]
        else:
            part = found.get((e["name"], -1)) or (found.get((e["name"], 0)) if (e["name"], 1) not in found else None)
        if part:
            part.times[e["pid"], e["tid"]].append(1e-6 * e.get("tdur", e["dur"]))


def line(name, predicted, measured, rest=""):
    print(f"{1e6 * predicted:10.1f} {1e6 * measured:10.1f} {1e6 * (measured - predicted):+10.1f}  {name:24} {rest}".rstrip())


def show(found, rows):
    print(f"{'predicted':>10} {'measured':>10} {'difference':>10}  us of a step; kernel, routine, operations and bytes of a firing")
    kernels = [p for (_, number), p in found.items() if number >= 0]
    for p in sorted(kernels, key=lambda p: -abs(p.measured() - p.predicted))[:rows]:
        where = ":".join(p.location.split("/")[-1].split(":")[:2])
        line(p.name, p.predicted, p.measured(),
             f"{p.what:24} {p.flops / 1e6:9.3f} M {p.bytes / 2**20:9.3f} MiB  {p.task} {where}")
    print("by routine")
    for what in sorted({p.what for p in found.values()}):
        of = [p for p in found.values() if p.what == what]
        line(what, sum(p.predicted for p in of), sum(p.measured() for p in of))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("bin")
    parser.add_argument("data")
    parser.add_argument("job", choices=[name for name, *_ in JOBS])
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--rows", type=int, default=30)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(options.bin, options.data, folder, options.steps)
        _, model, nodes, devices, parallel = next(job for job in JOBS if job[0] == options.job)
        plan = machine.compile(model, nodes, devices, parallel)
        found = parts(json.loads(machine.run("of-plan", "show", plan, "--json")))
        traced, = machine.train(plan, model, "--trace")
        addTimes(found, events(traced))
        show(found, options.rows)
        line("step", machine.predict(plan), machine.measure(plan, model))


if __name__ == "__main__":
    main()
