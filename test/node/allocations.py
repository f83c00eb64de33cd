"""Workers allocate nothing once a run has started: of-run's processes are watched by a library that counts allocations by
thread (CountAllocations.c), in a short run and in one of twenty times its steps, with as many checkpoints, metrics and TensorBoard on.

usage: allocations.py --bin BIN --counter LIBRARY

What grows with steps may only be the main thread's, which formats metrics, and the control thread's, whose heartbeats grow with time.
"""
import argparse
import collections
import glob
import os
import subprocess
import sys
import tempfile

SHORT, TIMES = 20, 20
WORKER = "of-worker"


def allocations(args, folder, hosts, steps):
    """Allocations by name of thread, over all processes."""
    base = os.path.join(folder, f"{hosts}-{steps}")
    # Two checkpoints whatever the steps.
    subprocess.run([os.path.join(args.bin, "write-toy-plan"), base + ".plan", hosts, "2", str(steps), str(steps // 2)], check=True)
    env = {**os.environ, "LD_PRELOAD": args.counter, "COUNT_ALLOCATIONS": base + ".count"}
    subprocess.run([os.path.join(args.bin, "of-run"), "--local", base + ".plan", "--out", base + ".out", "--tensorboard"],
                   check=True, env=env, stdout=subprocess.DEVNULL)
    counts = collections.Counter()
    for path in glob.glob(base + ".count.*"):
        with open(path) as file:
            for line in file:
                name, count = line.rsplit(" ", 1)
                counts[name] += int(count)
    return counts


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--counter", required=True)
    args = parser.parse_args()
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        for hosts in ("0", "00", "01"):  # alone, one host, two
            few, many = (allocations(args, folder, hosts, steps) for steps in (SHORT, SHORT * TIMES))
            for name in sorted(set(few) | set(many)):
                print(f"nodes {len(hosts)}, {name}: {few[name]} allocations in {SHORT} steps, {many[name]} in {SHORT * TIMES}")
            if WORKER not in few:
                wrong.append(f"no thread is called {WORKER}; nothing was measured")
            elif many[WORKER] > few[WORKER]:
                wrong.append(f"{many[WORKER] - few[WORKER]} allocations of workers in {SHORT * (TIMES - 1)} more steps "
                             f"of {len(hosts)} nodes, where none is allowed")
            # The library sees what is allocated: metrics of more steps are more text.
            if sum(many.values()) <= sum(few.values()):
                wrong.append("more metrics were written without an allocation; the counter does not count")
    sys.exit("\n".join(wrong) or 0)


main()
