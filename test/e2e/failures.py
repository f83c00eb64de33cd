#!/usr/bin/env python3
"""What goes wrong is said: exit code, cause and remedy, through the real tools; nothing half-written is left.

  failures.py --bin build/bin --data FOLDER [--case NAME]
"""
import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

from tools import EXAMPLES, Tools, cluster, job_text, node_processes, parallel, pin

TWO = cluster(2, 1)
CASES = []


def case(function):
    CASES.append(function)
    return function


class Context(Tools):
    def text(self, parallel_text="", steps=2000, edits=(), **changes):
        base = {"epochs": None, "evaluate": None, "checkpoint": None, "steps": steps, **changes}
        return job_text("mlp", base, edits, parallel_text)

    def start(self, base, *flags, data=None):
        self.next_port += 16
        return subprocess.Popen(
            [self.tool("of-run"), os.path.join(base, "job.plan"), "--local", "--data", data or self.data, "--out",
             base, "--port", str(self.next_port), *flags], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self, base, *flags, data=None):
        process = self.start(base, *flags, data=data)
        output = process.communicate(timeout=60)[0]
        return process.returncode, output

    def try_compile(self, name, job, cluster_text=TWO, model=None):
        base = os.path.join(self.folder, re.sub(r"\W+", "-", name))
        os.makedirs(base, exist_ok=True)
        with open(os.path.join(base, "job.yaml"), "w") as file:
            file.write(job)
        with open(os.path.join(base, "cluster.yaml"), "w") as file:
            file.write(cluster_text)
        command = [self.tool("of-compile"), os.path.join(base, "job.yaml"), "--cluster=" + os.path.join(base, "cluster.yaml"),
                   "-o", os.path.join(base, "job.plan")]
        if model:
            with open(os.path.join(base, "model.mlir"), "w") as file:
                file.write(model)
            command.append("--model=" + os.path.join(base, "model.mlir"))
        result = subprocess.run(command, capture_output=True, text=True)
        left = [f for f in os.listdir(base) if f.startswith("job.plan")]
        return result.returncode, result.stdout + result.stderr, left


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def expect_refused(result, *patterns):
    code, output, left = result
    expect(code == 2, f"exit code {code}, expected 2\n{output}")
    expect(not left, f"left {left}")
    for pattern in patterns:
        expect(re.search(pattern, output), f"nothing like '{pattern}' in\n{output}")


def last_line(output):
    return [line for line in output.strip().splitlines() if line.strip()][-1]


# ---- Runs --------------------------------------------------------------------------------------------------------------


def kill_node(t, node):
    base = t.compile(f"kill {node}", t.text(steps=2000000), TWO)
    process = t.start(base)
    plan = os.path.join(base, "job.plan")
    deadline = time.time() + 30
    while (pid := node_processes(plan).get(node)) is None and time.time() < deadline:
        time.sleep(0.05)
    expect(pid is not None, "the node did not start")
    while time.time() < deadline and not os.path.exists(os.path.join(base, "metrics.jsonl")):
        time.sleep(0.05)
    time.sleep(0.3)
    began = time.time()
    os.kill(pid, signal.SIGKILL)
    output = process.communicate(timeout=30)[0]
    took = time.time() - began
    expect(took < 3, f"took {took:.1f} s to end")
    expect(process.returncode == 5, f"exit code {process.returncode}\n{output}")
    expect("first cause" in last_line(output) and f"n{node}" in last_line(output), output)


@case
def killed_first_node(t):
    kill_node(t, 0)


@case
def killed_second_node(t):
    kill_node(t, 1)


@case
def peer_that_never_comes(t):
    base = t.compile("absent", t.text(), TWO)
    t.next_port += 16
    peers = f"127.0.0.1:{t.next_port},127.0.0.1:{t.next_port + 1}"
    result = subprocess.run([t.tool("of-run"), os.path.join(base, "job.plan"), "--node", "0", "--peers", peers, "--data", t.data,
                             "--join-timeout", "1"], capture_output=True, text=True, timeout=30)
    output = result.stdout + result.stderr
    expect(result.returncode == 5, f"exit code {result.returncode}\n{output}")
    expect("n1" in last_line(output), output)


@case
def loss_that_is_nan(t):
    base = t.compile("nan", t.text(edits=[(r"lr: [0-9.]+", "lr: 1e30")]), TWO)
    code, output = t.run(base)
    expect(code == 6, f"exit code {code}\n{output}")
    expect(re.search(r"loss at .*model\.mlir:\d+:\d+ is (NaN|infinite) in step \d+", last_line(output)), output)


@case
def missing_data(t):
    base = t.compile("nodata", t.text(), TWO)
    code, output = t.run(base, data="/nonexistent")
    expect(code == 2, f"exit code {code}\n{output}")
    expect(re.search(r"no file 'train-images-idx3-ubyte\.gz' in .*--data", last_line(output)), output)


@case
def corrupt_data(t):
    folder = os.path.join(t.folder, "corrupt")
    os.makedirs(folder)
    for name in os.listdir(t.data):
        if name.endswith(".gz"):
            os.symlink(os.path.join(t.data, name), os.path.join(folder, name))
    image = os.path.join(folder, "train-images-idx3-ubyte.gz")
    with open(image, "rb") as file:
        blob = bytearray(file.read())
    os.unlink(image)
    blob[len(blob) // 2] ^= 255
    with open(image, "wb") as file:
        file.write(blob)
    base = t.compile("corruptdata", t.text(), TWO)
    code, output = t.run(base, data=folder)
    expect(code == 3, f"exit code {code}\n{output}")
    expect("train-images-idx3-ubyte.gz" in last_line(output), output)


@case
def damaged_plans(t):
    base = t.compile("damaged", t.text(), TWO)
    plan = os.path.join(base, "job.plan")
    with open(plan, "rb") as file:
        good = file.read()
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 1
    version = bytearray(good)
    version[8] ^= 64
    for name, blob, code, pattern in [("truncated", good[:-100], 3, r"has \d+ bytes of plan, its header says"),
                                      ("flipped", flipped, 3, "digest|altered|damaged"),
                                      ("version", version, 4, "version"), ("empty", b"", 3, "")]:
        with open(plan, "wb") as file:
            file.write(blob)
        for tool, words in (("of-run", ["--check"]), ("of-plan", None)):
            command = [t.tool(tool), plan, *words] if words else [t.tool(tool), "verify", plan]
            result = subprocess.run(command, capture_output=True, text=True)
            output = result.stdout + result.stderr
            expect(result.returncode == code, f"{name}, {tool}: exit code {result.returncode}\n{output}")
            expect(re.search(pattern, output) and "job.plan" in output, f"{name}, {tool}: {output}")


@case
def checkpoint_of_another_model(t):
    save = "{every_steps: 2}"
    one = t.compile("model a", t.text(steps=2, checkpoint=save), TWO)
    t.train(one)
    with open(os.path.join(EXAMPLES, "mlp", "model.mlir")) as file:
        text = file.read()
    model = os.path.join(t.folder, "b.mlir")
    with open(model, "w") as file:
        file.write(text.replace("256", "128").replace("fc2.bias", "head.bias"))
    other = t.compile("model b", t.text(steps=4, checkpoint=save, model=model), TWO)
    code, output = t.run(other, "--resume", os.path.join(one, "checkpoints"))
    expect(code == 2, f"exit code {code}\n{output}")
    for pattern in (r"fc1\.weight", r"head\.bias", r"fc2\.bias"):
        expect(re.search(pattern, output), f"{pattern} in {output}")


# ---- Compilation -------------------------------------------------------------------------------------------------------


@case
def memory_too_small(t):
    small = TWO.replace("    host: h0\n    devices:\n      - {kind: cpu, threads: 1}",
                        "    host: h0\n    devices:\n      - {kind: cpu, threads: 1, memory: 1MiB}")
    result = t.try_compile("memory", t.text(), small)
    expect_refused(result, r"device 0 of node 'n0' has 1048576 bytes of memory, the job needs \d+ there",
                   r"and on 1 more like it, \d+ too many")


@case
def mesh_larger_than_cluster(t):
    expect_refused(t.try_compile("mesh", t.text(parallel({"data": 2, "model": 4}))), r"job\.yaml:\d+:\d+", "8", "2 devices")


@case
def sbp_that_an_op_refuses(t):
    pins = [pin("value", "z1", data="P"), pin("value", "h1", data="P")]
    expect_refused(t.try_compile("sbp", t.text(parallel(pins=pins))), r"h1", r"relu", r"model\.mlir:\d+:\d+")


@case
def pin_out_of_rank(t):
    pins = [pin("parameter", "fc1.bias", data="S(1)")]
    expect_refused(t.try_compile("rank", t.text(parallel(pins=pins))), r"job\.yaml:\d+:\d+", r"S\(1\)")


@case
def unknown_key(t):
    expect_refused(t.try_compile("key", t.text() + "learning_rate: 3\n"), r"job\.yaml:\d+:\d+", "learning_rate")


def model_with(old, new):
    with open(os.path.join(EXAMPLES, "mlp", "model.mlir")) as file:
        text = file.read()
    expect(old in text, f"'{old}' in the example")
    return text.replace(old, new)


@case
def wrong_shape(t):
    model = model_with("tensor<256x10xf32>) -> tensor<?x10xf32>", "tensor<256x10xf32>) -> tensor<?x11xf32>")
    expect_refused(t.try_compile("shape", t.text(), model=model), r"model\.mlir:\d+:\d+", "11")


@case
def wrong_dtype(t):
    model = model_with('"fc2.bias" init(#of.init<constant, 0.0>) : tensor<10xf32>',
                       '"fc2.bias" init(#of.init<constant, 0.0>) : tensor<10xf64>')
    expect_refused(t.try_compile("dtype", t.text(), model=model), r"model\.mlir:\d+:\d+", "f64")


@case
def unknown_op(t):
    expect_refused(t.try_compile("op", t.text(), model=model_with("of.relu", "of.rellu")), r"model\.mlir:\d+:\d+", "of.rellu")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--case", action="append")
    args = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        t = Context(args.bin, args.data, folder)
        for check in CASES:
            if args.case and check.__name__ not in args.case:
                continue
            try:
                check(t)
                print(f"ok   {check.__name__}", flush=True)
            except Exception as error:  # each case is reported, whatever broke
                failed += 1
                print(f"FAIL {check.__name__}: {type(error).__name__}: {error}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
