"""The same training in PyTorch: the same batches in the same order, the same schedule."""
import math

import torch

from cases import SEED
from samples import SampleOrder


def rate(step, steps, warmup):
    """What the learning rate is multiplied by: as `schedule: cosine` of a job says; 1 without."""
    if warmup is None:
        return 1
    if step < warmup:
        return (step + 1) / warmup
    return (1 + math.cos(math.pi * (step - warmup) / (steps - warmup))) / 2


def evaluate(case, model):
    model.eval()
    inputs, labels = case.eval_set()
    loss, right = 0.0, 0
    with torch.no_grad():
        for at in range(0, len(labels), case.batch):
            part = labels[at:at + case.batch]
            found = model(*(v[at:at + case.batch] for v in inputs.values()))
            loss += case.loss(found, part).item() * len(part)
            right += (found.argmax(-1) == part).sum().item() if case.accuracy else 0
    model.train()
    return loss / len(labels), right / labels.numel() if case.accuracy else None


def train(case):
    """An evaluation after each epoch."""
    torch.set_num_threads(1)
    model = case.model().train()
    optimizer = case.optimizer(model.parameters())
    base = optimizer.param_groups[0]["lr"]
    inputs, labels = case.train_set()
    per_epoch = len(labels) // case.batch
    for epoch in range(case.epochs):
        order = SampleOrder(len(labels), SEED, epoch)
        for step in range(per_epoch):
            rows = [order(step * case.batch + i) for i in range(case.batch)]
            optimizer.param_groups[0]["lr"] = base * rate(epoch * per_epoch + step, case.epochs * per_epoch, case.warmup)
            optimizer.zero_grad()
            case.loss(model(*(v[rows] for v in inputs.values())), labels[rows]).backward()
            if case.clip:
                torch.nn.utils.clip_grad_norm_(model.parameters(), case.clip)
            optimizer.step()
        loss, accuracy = evaluate(case, model)
        yield {"epoch": epoch + 1, "loss": loss, "accuracy": accuracy}
