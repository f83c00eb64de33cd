#!/usr/bin/env python3
"""A job whose reader or link is slower than the cluster file says, profiled and compiled again: of-run --profile, of-compile --profile.

  feedback.py --bin build/bin --data FOLDER [--rounds N] [--steps N] [--full]

A pipeline of two hosts whose segments last a known time (--timed-compute), its link or its reader throttled to a part of that. Each
round runs the plan, profiles it, and compiles with what was measured. Checked everywhere: what a profile holds, which of it is
taken, what is refused. --full runs all cases and holds what real
runs take against the bounds too: 1.3 times faster, predicted within 10 %; that needs a machine that wakes sleeping threads in time.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

from tools import Failure, Tools, cluster, expect, job_text, parallel, run

MICROS, ROWS = 16, 64
MICRO_SECONDS = 6e-3  # of compute of the busier stage
FASTER, PREDICTED = 1.3, 0.10


class Job:
    def __init__(self, tools, steps, stages=("z2",), changes=None, rate=1e9):
        self.tools, self.rows = tools, MICROS * ROWS
        self.job = job_text("mlp", {"epochs": None, "steps": steps, "evaluate": None, "checkpoint": None, "accumulate": MICROS,
                                    "batch": self.rows, **(changes or {})}, (), parallel(stages=list(stages)))
        self.cluster = cluster(2, 1, hosts=2) + f"resources: [{{name: net, gb_per_s: {rate / 1e9!r}, latency_us: 50}}]\n" \
            "paths: [{from: n0, to: n1, over: [net]}]\n"

    def compile(self, name, *flags):
        """The folder of the plan, and what of-compile said."""
        base = os.path.join(self.tools.folder, name)
        os.makedirs(base, exist_ok=True)
        for file_name, text in (("job.yaml", self.job), ("cluster.yaml", self.cluster)):
            with open(os.path.join(base, file_name), "w") as file:
                file.write(text)
        done = run([self.tools.tool("of-compile"), os.path.join(base, "job.yaml"), "--cluster=" + os.path.join(base, "cluster.yaml"),
                    "-o", os.path.join(base, "job.plan"), *flags])
        return base, done.stderr

    def simulate(self, base, *flags):
        return json.loads(run([self.tools.tool("of-plan"), "simulate", "--json", os.path.join(base, "job.plan"), *flags]).stdout)

    def measure(self, base, *flags):
        """Seconds of a step, from when the loss is told; the run is profiled into profile.json of the folder."""
        self.tools.train(base, "--trace", "--profile", os.path.join(base, "profile.json"), *flags)
        with open(os.path.join(base, "trace.json")) as file:
            ends = sorted(e["ts"] + e["dur"] for e in json.load(file)["traceEvents"]
                          if e["ph"] == "X" and e["name"].startswith("metric") and e["args"]["program"] == "train")
        first = len(ends) // 4
        return (ends[-1] - ends[first]) / (len(ends) - 1 - first) / 1e6


def profile_of(base):
    with open(os.path.join(base, "profile.json")) as file:
        return json.load(file)


def busiest(simulation):
    return max(s["busy_seconds_per_step"] for s in simulation["streams"] if s["stream"].endswith("compute"))


def pushed(simulation):
    return max(n["pushed_bytes_per_step"] for n in simulation["nodes"])


def check_profile(profile, simulated_rate):
    tasks = {(t["program"], t["task"]) for t in profile["tasks"]}
    expect(all(t["seconds"] >= 0 and t["firings"] > 0 for t in profile["tasks"]), "a task without firings")
    expect(sum(1 for _, name in tasks if "compute" in name) >= 3, f"too few segments in the profile: {sorted(tasks)}")
    expect(len(profile["links"]) == 2, f"two links, not {profile['links']}")
    for link in profile["links"]:
        rate = link["bytes"] / link["seconds"]
        expect(0.4 * simulated_rate < rate < 1.3 * simulated_rate, f"{link} of a link of {simulated_rate:.0f} bytes/s")


def case(tools, name, link, read, rounds, steps, full):
    """`link`, `read`: seconds they take, as parts of the compute of the busier stage."""
    job = Job(tools, steps)
    base, _ = job.compile(f"{name}-0")
    free = job.simulate(base, "--throttle-link", "1e12")
    factor = MICRO_SECONDS * MICROS / busiest(free)
    step = MICRO_SECONDS * MICROS
    rate = pushed(free) / (link * step) if link else 1e12
    throttles = (["--throttle-link", repr(rate)] if link else []) + (["--throttle-read", repr(job.rows / (read * step))] if read else [])
    took = [job.measure(base, "--timed-compute", repr(factor), *throttles)]
    if link:
        check_profile(profile_of(base), rate)
    plans, predicted = [base], [None]
    for r in range(1, rounds + 1):
        base, said = job.compile(f"{name}-{r}", "--profile=" + os.path.join(plans[-1], "profile.json"))
        expect("profile of job 'job'" in said and (r > 1 or "tasks as measured" in said), f"of-compile says nothing of the profile: {said}")
        expect("as the cost model has them" not in said, f"tasks of the same job were not taken: {said}")
        plans.append(base)
        predicted.append(job.simulate(base)["step_seconds"])
        took.append(job.measure(base, "--timed-compute", "1", *throttles))
    best = min(range(1, rounds + 1), key=lambda r: took[r])
    error = predicted[best] / took[best] - 1
    print(f"     {name}: link {link:.0%}, read {read:.0%} of {step * 1e3:.0f} ms compute: " +
          ", ".join(f"{1e3 * t:.1f}" for t in took) + f" ms, {took[0] / took[best]:.2f} x, predicted {1e3 * predicted[best]:.1f} ms ({error:+.1%})",
          flush=True)
    if full:
        expect(took[0] / took[best] >= FASTER, f"only {took[0] / took[best]:.2f} x faster")
        expect(abs(error) <= PREDICTED, f"predicted {predicted[best]} s, took {took[best]} s")
    return plans


def refused(command, *words):
    done = subprocess.run(command, capture_output=True, text=True)
    expect(done.returncode != 0, f"{' '.join(command)} was not refused")
    for word in words:
        expect(word in done.stderr, f"'{word}' is missing in: {done.stderr}")


def check_stale(tools, plans):
    """Other models: what has the same name and work is taken, the rest is named; nothing in common is refused."""
    profile = os.path.join(plans[0], "profile.json")
    wider = Job(tools, 2)
    wider.job = wider.job.replace(f"batch: {wider.rows}", f"batch: {2 * wider.rows}")
    _, said = wider.compile("wider", "--profile=" + profile)
    expect("as the cost model has them: " in said, f"a batch twice as large is not noticed: {said}")
    alone = tools.compile("alone", job_text("mlp", {"epochs": None, "steps": 2, "evaluate": None, "checkpoint": None}), cluster(1, 1))
    plan = os.path.join(alone, "other.plan")
    source = [tools.tool("of-compile"), os.path.join(alone, "job.yaml"), "--cluster=" + os.path.join(alone, "cluster.yaml"), "-o", plan]
    stripped = os.path.join(alone, "stripped.json")
    with open(stripped, "w") as file:
        json.dump({**profile_of(plans[0]), "tasks": [t for t in profile_of(plans[0])["tasks"] if "stage" in t["task"]]}, file)
    refused([*source, "--profile=" + stripped], "none of its", "drop --profile")
    expect(not os.path.exists(plan), "a refused profile left a plan")
    with open(stripped, "w") as file:
        file.write('{"job": "x", "tasks": [{"program": "train", "task": "a", "flops": 1, "bytes": 1, "firings": 1, "seconds": -1}], '
                   '"exchanges": [], "links": []}\n')
    refused([*source, "--profile=" + stripped], "stripped.json:1:", "'seconds' is -1")
    refused([*source, "--profile=" + stripped + "x"], "stripped.jsonx")
    refused([*source, "--profile=" + profile, "--compile-to=train"], "--profile is for rungs distribute to schedule")
    refused([tools.tool("of-run"), os.path.join(alone, "job.plan"), "--local", "--data", tools.data, "--profile", "/nowhere/p.json"],
            "cannot write /nowhere/p.json")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--full", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tools = Tools(options.bin, options.data, folder)
        try:
            plans = case(tools, "link", 0.8, 0, options.rounds, options.steps, options.full)
            if options.full:
                case(tools, "reader", 0, 0.9, options.rounds, options.steps, False)
                case(tools, "both", 0.8, 0.8, options.rounds, options.steps, True)
            check_stale(tools, plans)
            print("ok   stale profiles: taken in part with a note, or refused")
        except Failure as failure:
            sys.exit(f"FAILED {failure}")


main()
