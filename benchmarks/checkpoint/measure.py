"""What does a checkpoint every ten steps cost?

usage: measure.py BIN DATA [--repeat N] [--only NAME]     BIN: the programs of the build, DATA: the folder of Fashion-MNIST

Each job is trained without checkpoints and with one every ten steps, in turns, in the same run. A step's time is that from
the first task of the run to the last one, from the trace, divided by steps. Printed: the median of the ratios of neighbours,
the medians, the bytes of a checkpoint. Takes about five seconds for each job and turn.
"""
import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "test", "e2e"))

from tools import Tools, cluster, job_text  # noqa: E402

# name, example, nodes, devices of each, steps, changes of the job
JOBS = [
    ("MLP", "mlp", 1, 1, 2000, {"batch": 128}),
    ("CNN", "fashion-mnist-cnn", 1, 1, 100, {}),
    ("transformer", "text-transformer", 1, 1, 100, {}),
    ("MLP, two processes", "mlp", 2, 1, 2000, {"batch": 128}),
    ("CNN, two processes", "fashion-mnist-cnn", 2, 1, 100, {}),
    ("transformer, two processes", "text-transformer", 2, 1, 100, {}),
]


def step_seconds(tools, base, steps, data):
    # A folder of its own: a run does not write below the checkpoints of another.
    shutil.rmtree(os.path.join(base, "out"), ignore_errors=True)
    out = tools.train(base, "--trace", data=data, out=os.path.join(base, "out"))
    with open(os.path.join(out, "trace.json")) as file:
        events = [e for e in json.load(file)["traceEvents"] if e.get("ph") == "X"]
    return (max(e["ts"] + e["dur"] for e in events) - min(e["ts"] for e in events)) * 1e-6 / steps


def checkpoint_bytes(base):
    folder = os.path.join(base, "out", "checkpoints")
    newest = os.path.join(folder, max(os.listdir(folder)))
    return sum(os.path.getsize(os.path.join(newest, name)) for name in os.listdir(newest))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin")
    parser.add_argument("data")
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--only")
    parser.add_argument("--every", type=int, default=10)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("OF_SCRATCH")) as folder:
        tools = Tools(args.bin, args.data, folder)
        for name, example, nodes, devices, steps, changes in JOBS:
            if args.only and args.only != name:
                continue
            data = tools.data_for(example)
            bases = []
            for key, every in (("without", None), ("with", f"{{every_steps: {args.every}}}")):
                job = job_text(example, {"epochs": None, "evaluate": None, "schedule": None, "steps": steps,
                                         "checkpoint": every, **changes})
                bases.append(tools.compile(f"{name} {key}", job, cluster(nodes, devices)))
            times = [[step_seconds(tools, base, steps, data) for base in bases] for _ in range(args.repeat)]
            ratio = statistics.median(b / a for a, b in times)
            without, with_ = (statistics.median(t[i] for t in times) for i in range(2))
            print(f"{name}: {(ratio - 1) * 100:+.1f} %  ({without * 1e3:.3f} ms a step without, {with_ * 1e3:.3f} ms with, "
                  f"{checkpoint_bytes(bases[1]) / 1e6:.2f} MB)", flush=True)


if __name__ == "__main__":
    main()
