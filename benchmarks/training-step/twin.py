"""A training step in PyTorch, for measure.py: twin.py CASE THREADS MODE

MODE: eager, or compile for torch.compile. Says what it took to get ready as a line of JSON, and then for each line with a
number runs so many steps and says how long each took, in wall time and in the process's time on the processors. The environment
has to pin the libraries' threads before this starts.
"""
import json
import sys
import time

import torch


def peak_bytes(pid="self"):
    """Resident at most since the program began; 0 of a process that is gone."""
    try:
        with open(f"/proc/{pid}/status") as file:
            return next((int(line.split()[1]) << 10 for line in file if line.startswith("VmHWM")), 0)
    except OSError:
        return 0


def optimizer_of(case, parameters):
    name, keys = case.optimizer
    kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[name]
    try:
        return kind(parameters, **keys, fused=True)  # newer ones have it for the CPU
    except (TypeError, RuntimeError):
        return kind(parameters, **keys)


def say(value):
    print(json.dumps(value), flush=True)


def main():
    case_name, threads, mode = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    torch.set_num_threads(threads)
    from cases import CASES
    case = CASES[case_name]
    model = case.model().train()
    optimizer = optimizer_of(case, list(model.parameters()))
    inputs, labels = case.tensors(case.batch)
    run = torch.compile(model) if mode == "compile" else model

    def step():
        optimizer.zero_grad()
        loss = case.loss(run(*inputs.values()), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    for _ in range(3 if mode == "compile" else 2):
        step()
    say({"version": torch.__version__})
    for line in sys.stdin:
        times = []
        for _ in range(int(line)):
            begin = time.perf_counter(), time.process_time()
            step()
            times.append((time.perf_counter() - begin[0], time.process_time() - begin[1]))
        say({"times": times, "resident": peak_bytes()})


if __name__ == "__main__":
    main()
