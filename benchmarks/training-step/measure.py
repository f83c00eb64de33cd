#!/usr/bin/python3
"""How long is a training step, beside its floor and beside PyTorch?

  measure.py BIN [--peer PYTHON]... [--only REGEX] [--threads 1,2] [--repeat 7] [--profile] [--no-peer]

BIN: the programs of a release build with OF_BUILD_BENCHMARKS. Each case is compiled for one device of one or two threads and
takes turns with the same model in PyTorch: the one that runs this, and those of further interpreters (--peer), eager and
compiled where there is torch.compile. Printed for each: the ratio to the fastest PyTorch (median over the turns), to the floor
(step-floor), the median and least milliseconds of each, and memory: the largest resident size of the whole process.
--profile prints the kernels that lose most against their floor instead.
"""
import argparse
import collections
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "test", "e2e"))

from cases import CASES  # noqa: E402
from jobs import isa, job_text  # noqa: E402
from tools import Tools, run  # noqa: E402
from twin import peak_bytes  # noqa: E402


# Steps of a turn in PyTorch: enough for a median, where a step of ours is so short that only many can be timed.
MOST_TWIN_STEPS = 1000


def pinned(threads):
    return {"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}


class Twin:
    """A PyTorch in a process of its own that waits for its turns."""

    def __init__(self, python, case, threads, mode):
        self.process = subprocess.Popen([python, "-B", os.path.join(HERE, "twin.py"), case, str(threads), mode], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env={**os.environ, **pinned(threads)})
        ready = self.process.stdout.readline()
        if not ready:
            raise RuntimeError(self.process.stderr.read())
        ready = json.loads(ready)
        self.name = f"PyTorch {ready['version']} {mode}"
        self.resident, self.turns = 0, []

    def turn(self, steps):
        self.process.stdin.write(f"{min(steps, MOST_TWIN_STEPS)}\n")
        self.process.stdin.flush()
        found = json.loads(self.process.stdout.readline())
        self.resident = found["resident"]
        self.turns.append([wall for wall, _ in found["times"]])

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


class Ours:
    """A plan that of-run runs again for each turn."""

    def __init__(self, tools, name, case, threads):
        self.tools, self.case, self.name = tools, case, "ours"
        self.base = tools.compile(f"{name}-{threads}", job_text(tools, name, case),
                                  f"nodes: [{{name: n0, host: here, devices: [{{kind: cpu, threads: {threads}, isa: {isa()}}}]}}]\n")
        self.turns, self.resident, self.kernels = [], 0, []

    def turn(self, steps):
        """Periods of the steps of a run, from its trace, the first two left out. Where a step is so short that the trace would
        not hold them all, one mean: the time of so many steps more."""
        if steps > 2000:
            self.turns.append([(self.seconds(steps) - self.seconds(steps // 4)) / (steps - steps // 4)])
            return
        self.seconds(steps + 2, "--trace")
        with open(os.path.join(self.base, "trace.json")) as file:
            events = [e for e in json.load(file)["traceEvents"] if e["ph"] == "X" and e["args"]["program"] == "train"]
        tasks = collections.defaultdict(list)
        for e in events:
            if e["cat"] == "task":
                tasks[e["name"]].append(e)
        longest = max(tasks.values(), key=lambda found: sum(e["dur"] for e in found))
        starts = sorted(e["ts"] for e in longest)
        self.turns.append([(b - a) * 1e-6 for a, b in zip(starts[1:], starts[2:])])
        self.kernels.append([e for e in events if e["args"]["firing"] >= 2])

    def seconds(self, steps, *flags):
        self.tools.next_port += 16
        command = [self.tools.tool("of-run"), os.path.join(self.base, "job.plan"), "--local", "--data", self.tools.folder, "--out",
                   self.base, "--port", str(self.tools.next_port), "--steps", str(steps), *flags]
        begin = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        watch = threading.Thread(target=self.watch, args=(process,))
        watch.start()
        errors = process.stderr.read()
        process.wait()
        seconds = time.perf_counter() - begin
        watch.join()
        if process.returncode:
            raise SystemExit(f"{' '.join(command)}:\n{errors.decode()}")
        return seconds

    def watch(self, process):
        """The kernel's peak of a finished child would begin with what this process had when it forked."""
        while process.poll() is None:
            self.resident = max(self.resident, sum(map(peak_bytes, [process.pid, *children(process.pid)])))
            time.sleep(0.02)


def floors_of(tools, base, threads):
    return json.loads(run([tools.tool("step-floor"), os.path.join(base, "job.plan"), str(threads)]).stdout)


def profile(ours, floors, threads):
    """Kernels of a step by what they lose: least microseconds, their floor, how often, which."""
    taken = collections.defaultdict(list)
    segments = collections.Counter(call["task"] for call in floors["calls"])
    for events in ours.kernels:
        for e in events:
            task = e["args"].get("task", e["name"])
            if e["cat"] == "kernel" or segments[task] == 1:
                taken[task, e["args"].get("call", 0)].append(e.get("tdur", e["dur"]))
    groups, total, floor = collections.defaultdict(lambda: [0, 0, 0]), 0, 0
    for call in floors["calls"]:
        key = (call["task"], call["call"])
        if not taken[key]:
            continue
        micros = min(taken[key]) * call["firings"]
        bound = call["seconds"] * 1e6 * call["firings"] / threads
        alone = f", routine alone {call['routine_seconds'] * 1e6 / threads:.1f}" if "routine_seconds" in call else ""
        title = " ".join([call["library"], *map(str, call["ints"])]) if "ints" in call else call["name"]
        group = groups[title + (f" [{call['by']}{alone}]" if "by" in call else f" {call['bytes'] / 1e6:.2f} MB")]
        group[0], group[1], group[2] = group[0] + micros, group[1] + bound, group[2] + 1
        total, floor = total + micros, floor + bound
    print(f"kernels {total / 1e3:.3f} ms, floor {floor / 1e3:.3f} ms, triad {floors['bytes_per_second'] / 1e9:.1f} GB/s "
          f"over {floors['bytes'] / 1e6:.0f} MB")
    for title, (micros, bound, count) in sorted(groups.items(), key=lambda g: g[1][1] - g[1][0])[:25]:
        print(f"  {micros:10.1f} us  floor {bound:10.1f}  lost {100 * (micros - bound) / total:5.1f} %  x{count:<3} {title}")


def report(name, threads, ours, twins, floors):
    floor = sum(call["seconds"] * call["firings"] for call in floors["calls"]) / threads
    mine = statistics.median(t for turn in ours.turns for t in turn)
    least = min(t for turn in ours.turns for t in turn)
    line = f"{name}, {threads} thread{'s' if threads > 1 else ''}: "
    if twins:
        best = min(twins, key=lambda t: statistics.median(x for turn in t.turns for x in turn))
        ratio = statistics.median(statistics.median(b) / statistics.median(a) for a, b in zip(ours.turns, best.turns))
        least_ratio = min(min(map(min, t.turns)) for t in twins) / least
        memory = ours.resident / min(t.resident for t in twins)
        line += f"{ratio:.2f} x {best.name} (least against least {least_ratio:.2f}), memory {memory:.2f} x; "
    print(line + f"{least / floor:.2f} x the floor of {floor * 1e3:.3f} ms (median {mine / floor:.2f})")
    for side in (ours, *twins):
        times = [t for turn in side.turns for t in turn]
        print(f"    {side.name:28} median {statistics.median(times) * 1e3:10.3f} ms, least {min(times) * 1e3:10.3f}, "
              f"{side.resident / 1e6:.0f} MB", flush=True)


def twins_of(args, name, threads):
    for python in [sys.executable, *args.peer]:
        compiles = run([python, "-c", "import torch; print(hasattr(torch, 'compile'))"]).stdout.strip() == "True"
        for mode in ("eager", "compile") if compiles else ("eager",):
            try:
                yield Twin(python, name, threads, mode)
            except RuntimeError as error:
                print(f"    no twin {python} {mode}: {str(error).strip().splitlines()[-1]}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("bin")
    parser.add_argument("--peer", action="append", default=[])
    parser.add_argument("--only", default="")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--keep", help="folder for plans and traces")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = os.path.abspath(args.keep or temporary)
        os.makedirs(folder, exist_ok=True)
        tools = Tools(args.bin, folder, folder)
        for name in (n for n in CASES if re.search(args.only, n)):
            for threads in map(int, args.threads.split(",")):
                case = CASES[name]
                ours = Ours(tools, name, case, threads)
                floors = floors_of(tools, ours.base, threads)
                twins = [] if args.no_peer or args.profile else list(twins_of(args, name, threads))
                for _ in range(args.repeat):
                    for side in (ours, *twins):
                        side.turn(case.steps)
                for twin in twins:
                    twin.close()
                report(name, threads, ours, twins, floors)
                if args.profile:
                    profile(ours, floors, threads)


if __name__ == "__main__":
    main()
