#!/usr/bin/python3
"""Models that learn, beside the same model, data, order of samples and optimizer in PyTorch.

  learn.py CASE SIDE --bin build/bin --work FOLDER [--data FOLDER] [--epochs N]

CASE: resnet18, gpt or wide-deep; SIDE: ours, pytorch or both. Each side writes its evaluations into WORK/CASE-SIDE.jsonl;
`both` runs one after the other and prints them side by side. DATA is the folder of Fashion-MNIST; the other cases make
their data in WORK. One thread for each side.
"""
import argparse
import json
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "test", "e2e"))

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # before any library reads them
    os.environ[variable] = "1"

from cases import CASES  # noqa: E402
from pytorch import train  # noqa: E402
from tools import Tools, cluster  # noqa: E402


def ours(case, args, file):
    """Exports, compiles and trains; the evaluations of of-run's metrics."""
    tools = Tools(args.bin, case.data, args.work)
    base = tools.compile(case.name + "-ours", case.job(), cluster(1, 1))
    begin = os.times()
    tools.train(base)
    end = os.times()
    seconds = end.children_user + end.children_system - begin.children_user - begin.children_system
    with open(os.path.join(base, "metrics.jsonl")) as metrics:
        rows = [json.loads(line) for line in metrics]
    for row in (r for r in rows if r["program"] == "eval"):
        file.write(json.dumps({"epoch": row["epoch"] + 1, "loss": row["loss"], "accuracy": row.get("accuracy")}) + "\n")
    file.write(json.dumps({"processor_seconds": seconds}) + "\n")


def pytorch(case, args, file):
    begin = time.process_time()
    for row in train(case):
        file.write(json.dumps(row) + "\n")
        file.flush()
    file.write(json.dumps({"processor_seconds": time.process_time() - begin}) + "\n")


def results(args, side):
    with open(os.path.join(args.work, f"{args.case}-{side}.jsonl")) as file:
        rows = [json.loads(line) for line in file]
    return [r for r in rows if "epoch" in r], rows[-1]["processor_seconds"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("case", choices=list(CASES))
    parser.add_argument("side", choices=["ours", "pytorch", "both"])
    parser.add_argument("--bin", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist")
    parser.add_argument("--epochs", type=int)
    args = parser.parse_args()
    os.makedirs(args.work, exist_ok=True)
    case = CASES[args.case](os.path.abspath(args.work), args.data, args.epochs)
    for side in ("ours", "pytorch"):
        if args.side in (side, "both"):
            with open(os.path.join(args.work, f"{args.case}-{side}.jsonl"), "w") as file:
                globals()[side](case, args, file)
    if args.side == "both":
        (mine, mine_seconds), (theirs, their_seconds) = results(args, "ours"), results(args, "pytorch")
        for a, b in zip(mine, theirs, strict=True):
            print(f"epoch {a['epoch']}: ours {case.line(a)}; PyTorch {case.line(b)}")
        print(f"processor seconds: ours {mine_seconds:.1f}, PyTorch {their_seconds:.1f}")


if __name__ == "__main__":
    main()
