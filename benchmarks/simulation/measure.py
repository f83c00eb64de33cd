#!/usr/bin/env python3
"""How fast are plans simulated, how large may they be, and what do they say of weak scaling?

  measure.py BIN [--devices 1 2 16 ...] [--job NAME ...] [--steps 2] [--rows 64]
  measure.py BIN --plan FILE ... [--steps 1]

Jobs of examples/ as data-parallel training with --rows samples a device, on the cluster of examples/clusters/cpu-10gbe.yaml with
as many nodes as it takes: two devices a node, one card of 10 Gb/s a node, each message 2 us of it. `of-plan simulate` runs the
plan of all devices. Printed for each number of devices: the step, the efficiency (the step of one device over this one), what is
busiest and for which part of a step, messages between nodes a step, how many of them are simulated in a second of processor
time, memory, and how long compiling took. No step is executed, so data sets are only named.

With --plan the same of plans that are there, and how long it lasts: of-plan simulates so many steps in one thread and twice as
many in another. ../compile-time/measure.py --case gpt3-175b --keep FOLDER compiles one of 1,024 devices.
"""
import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "test", "e2e"))

from tools import Tools, job_text  # noqa: E402

CLUSTER = os.path.join(HERE, "..", "..", "examples", "clusters", "cpu-10gbe.yaml")
DEVICES_OF_A_NODE = 2
MESSAGE_US = 2  # two system calls, benchmarks/edge


def replaced(text, old, new):
    """The first `old`, which must be there."""
    if old not in text:
        raise SystemExit(f"{CLUSTER} has no '{old.strip()}'")
    return text.replace(old, new, 1)


def cluster_of(devices):
    with open(CLUSTER) as file:
        text = file.read()
    text = replaced(text, "    count: 16\n", f"    count: {max(1, devices // DEVICES_OF_A_NODE)}\n")
    text = replaced(text, "latency_us: 30\n", f"latency_us: 30\n    message_us: {MESSAGE_US}\n")
    return text if devices > 1 else replaced(text, "count: 2\n", "count: 1\n")


def job_of(name, devices, rows):
    batch = rows * devices
    changes = {"epochs": None, "evaluate": None, "schedule": None, "checkpoint": None, "batch": batch, "steps": 1000}
    text = job_text(name, changes, parallel_text="parallel: {strategy: data}\n")
    return re.sub(r"samples: (\d+)", lambda match: f"samples: {max(int(match[1]), batch)}", text)


def simulate(tool, plan, steps):
    """What of-plan says, processor seconds, seconds and MB."""
    command = [tool, "simulate", "--json", "--steps", str(steps), plan]
    begin = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return json.loads(output), usage.ru_utime + usage.ru_stime, time.monotonic() - begin, usage.ru_maxrss / 1e3


def messages_of(found):
    return sum(node["messages_per_step"] for node in found["nodes"])


def simulate_plan(tool, plan, steps):
    found, seconds, wall, megabytes = simulate(tool, plan, steps)
    devices = 1 + max(stream["device"] for stream in found["streams"])
    busiest = found["busiest"]
    print(f"{plan}, {devices} devices: {found['step_seconds']:.4g} s a step, certified {found['certified_step_seconds']:.4g} s, "
          f"{name_of(busiest)} of {'node' if 'node' in busiest else 'device'} {busiest.get('node', busiest.get('device'))} "
          f"{100 * busiest['utilisation']:.0f} % busy, {messages_of(found):.0f} messages between nodes a step, "
          f"{wall:.1f} s, {seconds:.1f} s of processors, {megabytes:.0f} MB", flush=True)


def name_of(busiest):
    return "link" if "node" in busiest else "worker"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("bin")
    parser.add_argument("--devices", type=int, nargs="+", default=[1, 2, 16, 64, 256, 1024, 4096])
    parser.add_argument("--job", nargs="+", default=["fashion-mnist-cnn", "mlp"])
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--plan", nargs="+", default=[], help="simulate these plans instead")
    args = parser.parse_args()
    for plan in args.plan:
        simulate_plan(os.path.join(args.bin, "of-plan"), plan, args.steps)
    if args.plan:
        return
    with tempfile.TemporaryDirectory() as folder:
        tools = Tools(args.bin, folder, folder)
        for job in args.job:
            alone = None
            for devices in args.devices:
                before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
                base = tools.compile(f"{job}-{devices}", job_of(job, devices, args.rows), cluster_of(devices))
                compiled = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
                found, seconds, _, megabytes = simulate(tools.tool("of-plan"), os.path.join(base, "job.plan"), args.steps)
                alone = alone or found["step_seconds"]
                messages = messages_of(found)
                rate = messages * 3 * args.steps / seconds  # it simulates so many steps and twice as many
                print(f"{job}, {devices} devices: {1e3 * found['step_seconds']:.3f} ms, {100 * alone / found['step_seconds']:.0f} %, "
                      f"{name_of(found['busiest'])} {100 * found['busiest']['utilisation']:.0f} % busy, {messages:.0f} messages, "
                      f"{rate / 1e6:.2f} M a second, {seconds:.2f} s, {megabytes:.0f} MB, compiled in {compiled:.1f} s", flush=True)


if __name__ == "__main__":
    main()
