"""Runs plans that note the time, and their peers; see StampedPlan.h."""
import json
import os
import statistics
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "test", "support"))

from ports import free_ports  # noqa: E402


CORES = sorted(os.sched_getaffinity(0))


def run(command, env=None):
    return run_together([command], env)[0]


def run_together(commands, env=None):
    """What each command prints; all have to end well."""
    started = [subprocess.Popen(c, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **(env or {})})
               for c in commands]
    printed = [process.communicate() for process in started]
    for command, process, (out, err) in zip(commands, started, printed):
        if process.returncode != 0:
            raise SystemExit(f"{' '.join(command)} failed with {process.returncode}:\n{out}{err}")
    return [out for out, _ in printed]


def on_core(number, command):
    """Two processes that wait for each other on one core would measure the scheduler."""
    return ["taskset", "-c", str(CORES[number % len(CORES)]), *command]


def tensors(path):
    """Names and values (i64) of a safetensors file."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        body = file.read()
    return {name: struct.unpack(f"<{(e['data_offsets'][1] - e['data_offsets'][0]) // 8}q", body[slice(*e["data_offsets"])])
            for name, e in header.items() if name != "__metadata__"}


def spent(times):
    """Nanoseconds of an iteration: the median, the first tenth left out (it warms up)."""
    return statistics.median(times[len(times) // 10:])


class Stamped:
    """A plan of write-stamped-plan, ready to be run any number of times."""

    def __init__(self, binaries, folder, kind, nodes, hosts, size, iterations):
        self.of_run = os.path.join(binaries, "of-run")
        self.base = os.path.join(folder, f"{kind}-{nodes}-{hosts}-{size}")
        self.runs = 0
        self.nodes = nodes
        self.size = iterations + 1
        self.per_ns = float(run([os.path.join(binaries, "write-stamped-plan"), kind, str(nodes), hosts, str(size),
                                 str(iterations), self.base + ".plan"]))

    def run(self, env=None):
        """Nanoseconds of an iteration on node 0, after the last answer has been checked."""
        self.runs += 1
        out = f"{self.base}.{self.runs}"
        peers = ",".join(f"127.0.0.1:{port}" for port in free_ports(self.nodes))
        command = [self.of_run, self.base + ".plan", "--out", out, "--peers", peers, "--node"]
        run_together([on_core(n, [*command, str(n)]) for n in range(self.nodes)], env)
        newest = os.path.join(out, "checkpoints", os.listdir(os.path.join(out, "checkpoints"))[0])
        found = tensors(os.path.join(newest, "model-00001-of-00001.safetensors"))
        stamps = found["stamps"][1:self.size]
        if found["stamps"][0] != len(stamps) or found["wrong"][0] != 0:
            raise SystemExit(f"{self.base}: {found['stamps'][0]} stamps of {len(stamps)}, {found['wrong'][0]} wrong elements")
        return spent([(b - a) / self.per_ns for a, b in zip(stamps, stamps[1:])])


def time_of(ns):
    return f"{ns / 1e3:.2f} us" if ns < 1e5 else f"{ns / 1e6:.2f} ms"


def bytes_of(size):
    return f"{size} B" if size < 1024 else f"{size >> 10} KiB" if size < 1 << 20 else f"{size >> 20} MiB"
