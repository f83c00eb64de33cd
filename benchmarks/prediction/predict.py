"""Predicted against measured step times of small jobs on this machine.

usage: predict.py BIN DATA [--steps N]     BIN: the programs of the build, DATA: the folder of Fashion-MNIST

Probes the machine, compiles each job, simulates its plan and trains it for some steps, short ones for more of them. Jobs on two devices are also
held against two copies of the same job on one device, started together: what the copies lose to each other, the prediction
is multiplied by. Takes a minute or two; others should leave the machine alone meanwhile.
"""
import argparse
import json
import math
import os
import re
import statistics
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLES = os.path.join(HERE, "..", "..", "examples")

LEAST_SECONDS = 0.2

# name, model, nodes, devices of each, keys of `parallel`
JOBS = [
    ("MLP", "mlp", 1, 1, ""),
    ("CNN", "fashion-mnist-cnn", 1, 1, ""),
    ("transformer", "text-transformer", 1, 1, ""),
    ("embedding", "embedding", 1, 1, ""),
    ("MLP, data", "mlp", 1, 2, ""),
    ("CNN, data", "fashion-mnist-cnn", 2, 1, ""),
    ("transformer, data", "text-transformer", 2, 1, ""),
    ("MLP, tensor", "mlp", 1, 2,
     "{strategy: none, mesh: {model: 2}, pins: [{parameter: fc1.weight, sbp: {model: S(1)}}]}"),
    ("MLP, pipeline", "mlp", 2, 1, "{stages: [z2]}"),
    ("embedding, hybrid", "embedding", 2, 1,
     "{mesh: {data: 2}, pins: [{parameter: embedding.weight, sbp: {data: S(0)}}]}"),
]


class Machine:
    def __init__(self, binaries, data, folder, steps):
        self.bin, self.data, self.folder, self.steps = os.path.abspath(binaries), data, folder, steps
        self.text = os.path.join(folder, "text")
        subprocess.run(["bash", os.path.join(EXAMPLES, "text-transformer", "make-data.sh"), self.text],
                       check=True)
        self.port = 21000 + os.getpid() % 20000

    def run(self, tool, *arguments):
        done = subprocess.run([os.path.join(self.bin, tool), *arguments], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{tool} {' '.join(arguments)}:\n{done.stderr}")
        return done.stdout

    def cluster(self, nodes, devices):
        path = os.path.join(self.folder, f"cluster-{nodes}x{devices}.yaml")
        if not os.path.exists(path):
            self.run("of-run", "probe", "--nodes", str(nodes), "--devices", str(devices), "--threads", "1",
                     "--out", path)
            # Copies of the job itself say better what devices take from each other.
            with open(path) as file:
                text = re.sub(r"(?m)^ *crowding: .*\n", "", file.read())
            with open(path, "w") as file:
                file.write(text)
        return path

    def job(self, model, parallel):
        source = "text-transformer" if model == "embedding" else model
        with open(os.path.join(EXAMPLES, source, "job.yaml")) as file:
            text = file.read()
        place = HERE if model == "embedding" else os.path.join(EXAMPLES, model)
        name = "embedding.mlir" if model == "embedding" else "model.mlir"
        text = re.sub(r"(?m)^model: .*$", f"model: {os.path.join(place, name)}", text)
        text = re.sub(r"(?m)^parallel:.*\n(  .*\n)*", "", text)
        path = os.path.join(self.folder, "job.yaml")
        with open(path, "w") as file:
            file.write(text + (f"\nparallel: {parallel}\n" if parallel else ""))
        return path

    def compile(self, model, nodes, devices, parallel):
        plan = os.path.join(self.folder, f"{model}-{nodes}x{devices}-{len(parallel)}.plan")
        self.run("of-compile", self.job(model, parallel), "--cluster", self.cluster(nodes, devices), "-o", plan)
        return plan

    def predict(self, plan):
        return json.loads(self.run("of-plan", "simulate", plan, "--json"))["step_seconds"]

    def stepsOf(self, plan):
        """Copies start some tens of milliseconds after each other and have to overlap."""
        return max(self.steps, math.ceil(LEAST_SECONDS / self.predict(plan)))

    def start(self, plan, model, out, steps, *flags):
        self.port += 8
        data = self.text if model in ("text-transformer", "embedding") else self.data
        return subprocess.Popen(
            [os.path.join(self.bin, "of-run"), plan, "--local", "--data", data, "--out", out,
             "--steps", str(steps), "--port", str(self.port), *flags],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def train(self, plan, model, *flags, copies=1):
        """The folders of as many runs as copies, started together."""
        outs = [os.path.join(self.folder, f"out-{self.port}-{i}") for i in range(copies)]
        steps = self.stepsOf(plan)
        running = [self.start(plan, model, out, steps, *flags) for out in outs]
        for process in running:
            _, errors = process.communicate()
            if process.returncode:
                raise SystemExit(f"of-run {plan}:\n{errors}")
        return outs

    def measure(self, plan, model, copies=1):
        """Seconds of a step, of the slowest copy. Without a trace, which makes a step of many kernels longer."""
        batch = json.loads(self.run("of-plan", "show", plan, "--json"))["batch"]
        return max(stepSeconds(out, batch) for out in self.train(plan, model, copies=copies))


def stepSeconds(out, batch):
    """The median, without the first quarter. The rate in the metrics is that of a mean of step times, to which each new one
    adds a twentieth."""
    with open(os.path.join(out, "metrics.jsonl")) as file:
        means = [batch / record["images_per_s"] for record in map(json.loads, file) if "images_per_s" in record]
    steps = [20 * mean - 19 * before for before, mean in zip(means, means[1:])]
    return statistics.median(steps[len(steps) // 4:])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("bin")
    parser.add_argument("data")
    parser.add_argument("--steps", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(options.bin, options.data, folder, options.steps)
        alone, errors = {}, []
        print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n"
              f"{'job':20} {'predicted':>11} {'slowdown':>9} {'measured':>11} {'error':>8}")
        for name, model, nodes, devices, parallel in JOBS:
            plan = machine.compile(model, nodes, devices, parallel)
            slowdown = 1
            if nodes * devices > 1:
                single = machine.compile(model, 1, 1, "")
                slowdown = machine.measure(single, model, copies=2) / alone[model]
            predicted = machine.predict(plan) * max(slowdown, 1)
            measured = machine.measure(plan, model)
            if nodes * devices == 1:
                alone[model] = measured
            errors.append(abs(predicted / measured - 1))
            print(f"{name:20} {1e3 * predicted:8.3f} ms {slowdown:9.2f} {1e3 * measured:8.3f} ms "
                  f"{100 * (predicted / measured - 1):+7.1f} %", flush=True)
        print(f"median error {100 * statistics.median(errors):.1f} %, worst {100 * max(errors):.1f} %")


if __name__ == "__main__":
    main()
