#!/usr/bin/env python3
"""Whole training runs against PyTorch on the CPU: same weights (safetensors), same batches.

  oracle.py --bin build/bin --data FOLDER [--full] [--only REGEX] [--keep FOLDER]

Weights are drawn here and handed to the job as `initial`. Each job checkpoints every step; a twin of the
model (twins.py) takes the same steps with PyTorch's optimizer of the same name. Compared are

  first    parameters' change in the first step, against PyTorch's, of its norm: 1e-8 fp64, 1e-3 fp32.
           Under plain SGD that is the gradient.
  loss     of every step: 1e-8 (fp64)
  change   of parameters and running statistics over all steps, of its norm: 1e-6 (fp64)

fp32 compares the first step only. Without --full a few short cases run. Exit code 1 if one fails.
"""
import argparse
import functools
import math
import os
import re
import sys
import tempfile

import torch

import twins
from comparison import compare, run_cases
from models import MODELS, SEED, DataSets, draw_weights, job_text
from samples import SampleOrder
from tensors import write_safetensors
from tools import Tools, cluster


# ---- Cases --------------------------------------------------------------------------------------------

OPTIMIZERS = {
    "sgd": {"kind": "sgd", "lr": 0.5},
    "momentum": {"kind": "sgd", "lr": 0.1, "momentum": 0.9},
    "nesterov": {"kind": "sgd", "lr": 0.1, "momentum": 0.9, "nesterov": True},
    "sgd decay": {"kind": "sgd", "lr": 0.1, "momentum": 0.5, "weight_decay": 0.01},
    "adam": {"kind": "adam", "lr": 0.003},
    "adam decay": {"kind": "adam", "lr": 0.003, "weight_decay": 0.01, "beta1": 0.8, "beta2": 0.95},
    "adamw": {"kind": "adamw", "lr": 0.003, "weight_decay": 0.1, "eps": 1e-6},
}
SCHEDULES = {
    "constant": ("{constant: {}}", lambda t, n: 1.0),
    "step": ("{step: {every_steps: 3, factor: 0.5}}", lambda t, n: 0.5 ** (t // 3)),
    "cosine": ("{cosine: {warmup_steps: 4, final: 0.1}}",
               lambda t, n: (t + 1) / 4 if t < 4 else
               0.1 + 0.9 * (1 + math.cos(math.pi * (t - 4) / (n - 4))) / 2),
}


class Case:
    def __init__(self, model, optimizer, schedule="constant", clip=None, accumulate=1, precision="fp64"):
        self.model, self.optimizer, self.schedule = model, optimizer, schedule
        self.clip, self.accumulate, self.precision = clip, accumulate, precision
        self.name = ", ".join([model, optimizer] + ([schedule] if schedule != "constant" else []) +
                              ([f"clip {clip}"] if clip else []) +
                              ([f"accumulate {accumulate}"] if accumulate > 1 else []) + [precision])
        self.dtype = torch.float64 if precision == "fp64" else torch.float32


def cases():
    for model in MODELS:
        for optimizer in OPTIMIZERS:
            yield Case(model, optimizer)
            yield Case(model, optimizer, precision="fp32")
        yield Case(model, "sgd", "step")
        yield Case(model, "momentum", "cosine")
        yield Case(model, "adamw", "cosine")
        yield Case(model, "momentum", clip=0.5)
        yield Case(model, "adam", clip=0.5)
        yield Case(model, "sgd", accumulate=4)
        yield Case(model, "adamw", "cosine", clip=0.5, accumulate=4)


QUICK = {"mlp, nesterov, fp64", "mlp, adam decay, fp32", "cnn, sgd, fp64", "cnn, sgd, fp32",
         "cnn, adamw, cosine, clip 0.5, accumulate 4, fp64", "transformer, sgd, fp32",
         "transformer, adamw, cosine, clip 0.5, accumulate 4, fp64"}


def job_of(case, data, weights, steps):
    optimizer = dict(OPTIMIZERS[case.optimizer])
    kind = optimizer.pop("kind")
    keys = ", ".join(f"{k}: {str(v).lower()}" for k, v in optimizer.items())
    more = {"initial": weights, "accumulate": case.accumulate, "schedule": SCHEDULES[case.schedule][0]}
    if case.clip:
        more["clip_norm"] = case.clip
    return job_text(case.model, data, case.precision, f"{{{kind}: {{{keys}}}}}", steps, 1, **more)


# ---- PyTorch's run --------------------------------------------------------------------------------------

def torch_optimizer(case, parameters):
    keys = dict(OPTIMIZERS[case.optimizer])
    kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[keys.pop("kind")]
    if "beta1" in keys:
        keys["betas"] = keys.pop("beta1"), keys.pop("beta2")
    return kind(parameters, **keys)


def train_twin(case, data, start, steps):
    """Losses, and the weights after the first and after the last step."""
    weights = {k: v.to(case.dtype).clone() for k, v in start.items()}
    trained = [w.requires_grad_() for k, w in weights.items() if "running" not in k]
    optimizer = torch_optimizer(case, trained)
    factor = SCHEDULES[case.schedule][1]
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: factor(t, steps))
    model = getattr(twins, case.model)
    order = SampleOrder(data.samples, SEED, 0)
    losses, first = [], None
    for t in range(steps):
        optimizer.zero_grad()
        samples = [order(t * data.batch + j) for j in range(data.batch)]
        rows, loss_sum = data.batch // case.accumulate, 0.0
        before = {k: w.clone() for k, w in weights.items() if "running" in k}
        after = {k: torch.zeros_like(w) for k, w in before.items()}
        for m in range(case.accumulate):
            x, y = data(samples[m * rows:(m + 1) * rows], case.dtype)
            logits = model(weights, x)
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, -2), y.flatten()) / case.accumulate
            loss.backward()
            loss_sum += loss.item()
            # Running statistics follow the mean of the micro-batches once a step.
            for k, value in before.items():
                after[k] += weights[k] / case.accumulate
                weights[k].copy_(value)
        for k, value in after.items():
            weights[k].copy_(value)
        if case.clip:
            torch.nn.utils.clip_grad_norm_(trained, case.clip)
        optimizer.step()
        schedule.step()
        losses.append(loss_sum)
        if first is None:
            first = {k: v.detach().clone() for k, v in weights.items()}
    return losses, first, {k: v.detach() for k, v in weights.items()}


class Runner:
    def __init__(self, tools, steps):
        self.tools, self.steps = tools, steps
        self.data = DataSets(tools)

    def __call__(self, case):
        """Runs both; returns a line of the table and whether everything is within bounds."""
        data, single = self.data[case.model], case.precision == "fp32"
        steps = 1 if single else self.steps
        start = draw_weights(case.model)
        weights = os.path.join(self.tools.folder, f"{case.model}-{case.precision}.safetensors")
        write_safetensors(weights, {k: v.to(case.dtype) for k, v in start.items()})
        base = self.tools.compile(case.name, job_of(case, data, weights, steps), cluster(1, 1))
        self.tools.train(base, "--keep", "0")
        return compare(case.name, base, case.precision, start, train_twin(case, data, start, steps))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--only", default="")
    parser.add_argument("--keep")
    args = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = os.path.abspath(args.keep) if args.keep else temporary
        os.makedirs(folder, exist_ok=True)
        runner = Runner(Tools(args.bin, args.data, folder), args.steps or (20 if args.full else 5))
        print(f"weights and sample order by seed {SEED}")
        chosen = (case for case in cases() if re.search(args.only, case.name)
                  and (args.full or args.only or case.name in QUICK))
        return 1 if run_cases((case.name, functools.partial(runner, case)) for case in chosen) else 0


if __name__ == "__main__":
    sys.exit(main())
