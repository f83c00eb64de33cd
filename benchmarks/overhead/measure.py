#!/usr/bin/python3
"""What does the runtime cost beside the work?

  measure.py BIN [--part tasks] [--part copies] [--only REGEX] [--repeat 7]

tasks   A step of ten tasks of a millisecond each, alone and in two processes whose last results are summed (benchmarks/support): what
        it takes beyond its ten milliseconds. A loop of as many, without a runtime, takes turns with it.
copies  Cases of benchmarks/training-step as data-parallel training of two processes, and as two independent trainings of half the
        batch that are started together, in turns: how fast the one is beside the other. Processes are bound to a core each. The
        time of a step is what more steps take longer, so what starting takes is in none of them.

BIN: the programs of a release build with OF_BUILD_BENCHMARKS; PyTorch exports the models.
"""
import argparse
import copy
import os
import re
import statistics
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", folder) for folder in ("support", "training-step")]
sys.path.append(os.path.join(HERE, "..", "..", "test", "e2e"))

from stamped import Stamped, free_ports, on_core, run, run_together, spent  # noqa: E402

TASK_NS, TASKS = 1e6, 10  # of write-stamped-plan's "tasks"
STEPS = {"mlp-784": 4000, "cnn": 200, "transformer": 16}


def tasks(args):
    steps = 100
    with tempfile.TemporaryDirectory() as folder:
        bare = on_core(0, [os.path.join(args.bin, "bare-tasks"), str(steps)])
        turns = {"a loop without a runtime": lambda: spent([float(line) for line in run(bare).split()])}
        for title, nodes, hosts in (("1 process", 1, "one"), ("2 processes, shared memory", 2, "one"), ("2 processes, TCP", 2, "many")):
            turns[title] = Stamped(args.bin, folder, "tasks", nodes, hosts, 64, steps).run
        times = [{title: turn() for title, turn in turns.items()} for _ in range(args.repeat)]
    for title in turns:
        beyond = statistics.median(t[title] for t in times) - TASKS * TASK_NS
        print(f"{title}: {100 * beyond / (TASKS * TASK_NS):.3f} % of a step ({beyond / 1e3:.1f} us)", flush=True)


class Trainings:
    """Processes that are started together: of one plan, or of a plan each."""

    def __init__(self, tools, folders):
        self.tools, self.folders, self.runs = tools, folders, 0

    def seconds(self, steps):
        self.runs += 1
        commands, peers = [], ",".join(f"127.0.0.1:{port}" for port in free_ports(2))
        for core, folder in enumerate(self.folders):
            alone = len(set(self.folders)) > 1
            node = [] if alone else ["--node", str(core), "--peers", peers]
            commands.append(on_core(core, [self.tools.tool("of-run"), os.path.join(folder, "job.plan"), *node, "--data",
                                           self.tools.folder, "--steps", str(steps), "--out", f"{folder}/out{self.runs}"]))
        begin = time.perf_counter()
        run_together(commands)
        return time.perf_counter() - begin

    def step(self, steps):
        return (self.seconds(steps) - self.seconds(steps // 4)) / (steps - steps // 4)


def nodes(count, isa):
    return "nodes:\n" + "".join(f"  - {{name: n{n}, host: here, devices: [{{kind: cpu, threads: 1, isa: {isa}}}]}}\n" for n in range(count))


def copies(args):
    from cases import CASES  # PyTorch is needed only here
    from jobs import isa, job_text
    from tools import Tools
    for name in (n for n in STEPS if re.search(args.only, n)):
        with tempfile.TemporaryDirectory() as folder:
            tools = Tools(args.bin, folder, folder)
            half, whole = CASES[name], copy.copy(CASES[name])
            whole.batch *= 2
            together = tools.compile(name, job_text(tools, name, whole) + "parallel: {strategy: data}\n", nodes(2, isa()))
            text = job_text(tools, name + "-half", half)
            alone = [tools.compile(f"{name}-{n}", text, nodes(1, isa())) for n in range(2)]
            sides = Trainings(tools, [together, together]), Trainings(tools, alone)
            times = [[side.step(STEPS[name]) for side in sides] for _ in range(args.repeat)]
        ratio = statistics.median(b / a for a, b in times)
        ours, two = (1e3 * statistics.median(t[i] for t in times) for i in range(2))
        print(f"{name}: {100 * ratio:.1f} % as fast as two copies ({ours:.3f} ms a step, theirs {two:.3f})", flush=True)


PARTS = {"tasks": tasks, "copies": copies}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("bin")
    parser.add_argument("--part", action="append", choices=PARTS)
    parser.add_argument("--only", default="")
    parser.add_argument("--repeat", type=int, default=7)
    args = parser.parse_args()
    for part in args.part or PARTS:
        PARTS[part](args)


if __name__ == "__main__":
    main()
