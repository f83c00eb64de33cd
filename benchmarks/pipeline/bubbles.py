"""How long devices of a pipeline wait: real processes and transports, compute replaced by waits of the predicted length.

usage: bubbles.py BIN DATA [--stages 2,4,8] [--micros 4,8,16,32] [--orders 1f1b,interleaved,split] [--hosts] [--steps N] [--real]

A chain of equal layers is dealt to the stages; segments last what the plan says (`of-run --timed-compute`), scaled so that a
micro-batch takes each device --ms. Measured is the part of a step in which the busiest device's compute stream waits, beside
the formulas for equal stages (p devices, m micro-batches, v parts of the model on each, F forward, B backward with W of it for
the gradients of parameters):

  1f1b          (p - 1)(F + B)
  interleaved   (p - 1)(F + B) / v
  split         (p - 1)(F + B - 2 W)

each divided by itself and m (F + B). A gradient leaves a stage before its segment ends, after the call that makes it, so a neighbour
of 1F1B waits less than F + B for each stage: `leaves` is the first formula with the seconds of this plan after which its sends
may begin, and with what each stage does once per step. The formula of a split backward pass is for as many micro-batches as stages and
W no longer than F; `least` is what no order can go below: the first gradient has to come back to the first stage, which then has all
its backward parts before it. With --hosts every stage is a host of its own, so that pieces are pushed; else they share
memory. --real computes, for stages that have a core each.
"""
import argparse
import json
import os
import statistics
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "test", "e2e"))
from tools import Tools, cluster, job_text, parallel, run  # noqa: E402

WIDTH, ROWS, LAYERS = 784, 64, 4  # LAYERS of each device
PARTS = 2


def chain(layers):
    lines = [f"func.func @chain(%image: tensor<?x{WIDTH}xf32>) -> tensor<?x10xf32> {{"]
    value = "image"
    for i in range(layers):
        lines += [f'  %w{i} = of.parameter "w{i}" init(#of.init<xavier_uniform>) {{fan = "in_out"}} : tensor<{WIDTH}x{WIDTH}xf32>',
                  f"  %z{i} = of.matmul %{value}, %w{i} : (tensor<?x{WIDTH}xf32>, tensor<{WIDTH}x{WIDTH}xf32>) -> tensor<?x{WIDTH}xf32>"]
        value = f"z{i}"
    lines += [f'  %w = of.parameter "w" init(#of.init<xavier_uniform>) {{fan = "in_out"}} : tensor<{WIDTH}x10xf32>',
              f"  %z = of.matmul %{value}, %w : (tensor<?x{WIDTH}xf32>, tensor<{WIDTH}x10xf32>) -> tensor<?x10xf32>"]
    return "\n".join(lines + ["  return %z : tensor<?x10xf32>", "}"]) + "\n"


def compile_plan(tools, order, devices, micros, hosts, steps):
    parts = PARTS if order == "interleaved" else 1
    stages, layers = devices * parts, devices * LAYERS
    model = os.path.join(tools.folder, f"chain{layers}.mlir")
    with open(model, "w") as file:
        file.write(chain(layers))
    text = parallel(stages=[f"z{i * layers // stages}" for i in range(1, stages)], split="always" if order == "split" else "never")
    job = job_text("mlp", {"model": model, "epochs": None, "steps": steps, "evaluate": None, "checkpoint": None,
                           "accumulate": micros, "batch": ROWS * micros, "optimizer": "{sgd: {lr: 0.0001}}"}, (), text)
    return tools.compile(f"{order} {devices} {micros}", job, cluster(devices, 1, hosts=devices if hosts else 1))


class Times:
    """Predicted seconds of a micro-batch on each device, all of it and its late part."""

    def __init__(self, tools, base, micros):
        plan = json.loads(run([tools.tool("of-plan"), "show", "--json", os.path.join(base, "job.plan")]).stdout)
        program = next(p for p in plan["programs"] if p["kind"] == "train")
        work, late = [], []
        for role in program["roles"]:
            segments = [t for t in role["tasks"] if t["kind"] == "segment" and t["firings"] == micros]
            work.append(sum(t["seconds"] for t in segments))
            late.append(sum(t["seconds"] for t in segments if ".late" in t["name"]))
        self.micro, self.late = max(work), statistics.median(late)
        self.once = max(sum(t["seconds"] for t in role["tasks"] if t["kind"] == "segment" and t["firings"] == 1)
                        for role in program["roles"])
        # Up the stages with the first micro-batch's values, down with the last one's gradients; the busiest stage, the last, ends
        # when its own segment does.
        through = [leaving(role, micros) for role in program["roles"]]
        self.waits = sum(leaves for leaves, _ in through[:-1]) + through[0][1] - through[-1][1]
        self.least = self.leastStep(program["roles"], micros)

    def leastStep(self, roles, micros):
        """Seconds of a step of which the first stage can do nothing but forward parts until the first gradient is back."""
        passes = [[t["seconds"] for t in role["tasks"] if t["kind"] == "segment" and t["firings"] == micros and ".late" not in t["name"]]
                  for role in roles]
        down, up = sum(own[0] for own in passes), sum(sum(own[1:]) for own in passes[1:])
        return down + up + micros * sum(passes[0][1:]) + self.once


def leaving(role, micros):
    """Seconds until a micro-batch's pieces have left the stage, of all its segments; and what those work beyond that."""
    sent = {i["register"] for t in role["tasks"] if t["kind"] == "send" for i in t["inputs"]}
    leaves = rest = 0
    for task in role["tasks"]:
        if task["kind"] != "segment" or task["firings"] != micros:
            continue
        calls = [o.get("call", len(task["kernels"]) - 1) + 1 for o in task["outputs"] if o["register"] in sent]
        part = max(calls) / len(task["kernels"]) if calls else 1
        leaves += part * task["seconds"]
        rest += (1 - part) * task["seconds"]
    return leaves, rest


def bubble_of(order, devices, micros, times):
    waits = {"1f1b": times.micro, "interleaved": times.micro / PARTS, "split": times.micro - 2 * times.late}[order] * (devices - 1)
    return waits / (waits + micros * times.micro)


def bubble_leaving(order, micros, times):
    """None where the formula's own waits are shorter."""
    return times.waits / (times.waits + micros * times.micro + times.once) if order == "1f1b" else None


def bubble_least(order, micros, times):
    """None but for a split backward pass."""
    return max(0, 1 - (micros * times.micro + times.once) / times.least) if order == "split" else None


def measure(tools, base, flags):
    """The part of a step in which the busiest compute stream waits, and the step's seconds, without the first."""
    tools.train(base, "--trace", *flags)
    with open(os.path.join(base, "trace.json")) as file:
        events = json.load(file)["traceEvents"]
    tracks = {(e["pid"], e["tid"]): e["args"]["name"] for e in events if e["name"] == "thread_name"}
    spans = [e for e in events if e["ph"] == "X" and e["args"]["program"] == "train"]
    ends = sorted(e["ts"] + e["dur"] for e in spans if e["name"].startswith("metric"))
    first, last = ends[0], ends[-1]
    busy = {}
    for e in spans:
        key = e["pid"], e["tid"]
        if tracks[key].endswith(".compute") and first <= e["ts"] < last:
            busy.setdefault(key, []).append((e["ts"], e["ts"] + e["dur"]))
    return 1 - max(map(covered, busy.values())) / (last - first), (last - first) / (len(ends) - 1) / 1e6


def covered(spans):
    """The time that is in at least one of the spans: kernels lie inside their segment."""
    total, end = 0, float("-inf")
    for begin, until in sorted(spans):
        total += max(0, until - max(begin, end))
        end = max(end, until)
    return total


def shown(bubble):
    return " " * 8 if bubble is None else f"{bubble:8.1%}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("bin")
    parser.add_argument("data")
    parser.add_argument("--stages", default="2,4,8")
    parser.add_argument("--micros", default="4,8,16,32")
    parser.add_argument("--orders", default="1f1b,interleaved,split")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--ms", type=float, default=40)
    parser.add_argument("--hosts", action="store_true")
    parser.add_argument("--real", action="store_true")
    options = parser.parse_args()
    worst = {}
    with tempfile.TemporaryDirectory() as folder:
        tools = Tools(options.bin, options.data, folder)
        print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n"
              f"{'order':12} {'p':>2} {'m':>3} {'F + B':>9} {'W':>8} {'step':>10} {'formula':>8} {'leaves':>8} {'least':>8} {'simulated':>9} {'measured':>8}")
        for order in options.orders.split(","):
            for devices in map(int, options.stages.split(",")):
                for micros in map(int, options.micros.split(",")):
                    base = compile_plan(tools, order, devices, micros, options.hosts, options.steps)
                    times = Times(tools, base, micros)
                    factor = 1 if options.real else options.ms / 1e3 / times.micro
                    simulated = json.loads(run([tools.tool("of-plan"), "simulate", "--json", os.path.join(base, "job.plan")]).stdout)
                    waits = 1 - max(s["utilisation"] for s in simulated["streams"] if s["stream"].endswith("compute"))
                    found, step = measure(tools, base, [] if options.real else ["--timed-compute", repr(factor)])
                    formula = bubble_of(order, devices, micros, times)
                    leaves, least = bubble_leaving(order, micros, times), bubble_least(order, micros, times)
                    known = max(leaves or formula, least or 0)
                    worst.setdefault(order, []).append((found - formula, abs(found - known) if leaves else found - known, abs(found - waits)))
                    print(f"{order:12} {devices:2} {micros:3} {1e3 * factor * times.micro:6.1f} ms {1e3 * factor * times.late:5.1f} ms {1e3 * step:7.1f} ms "
                          f"{formula:8.1%} {shown(leaves)} {shown(least)} {waits:9.1%} {found:8.1%}", flush=True)
    for order, gaps in worst.items():
        above, beside, simulated = (100 * max(gap) for gap in zip(*gaps))
        print(f"{order}: at most {above:.1f} points above the formula, {beside:.1f} from `leaves` or above what is known to be least, {simulated:.1f} from the simulation")


if __name__ == "__main__":
    main()
