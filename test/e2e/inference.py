#!/usr/bin/env python3
"""Models run forward by of-run, against numpy: several inputs, padded batches, parameters of checkpoints.

  inference.py --bin build/bin [--keep FOLDER]

A small model with two inputs and two results is trained for a step; a forward plan of the same job takes the
parameters from that checkpoint, on one device and on two, and from what of-run export makes of it. Then every wrong file, name and flag. Exit code 1 if a
case fails.
"""
import argparse
import os
import subprocess
import sys
import tempfile

import numpy

from tools import Failure, Tools, checkpoint, cluster, load_file, load_tensors, run

MODEL = """func.func @two(%x: tensor<?x4xf32>, %kind: tensor<?xi64>) -> (tensor<?x3xf32>, tensor<?xf32>) {
  %table = of.parameter "table" init(#of.init<normal, 0.0, 1.0>) : tensor<5x4xf32>
  %w = of.parameter "w" init(#of.init<normal, 0.0, 1.0>) : tensor<4x3xf32>
  %e = of.embedding %table, %kind : (tensor<5x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  %s = of.add %x, %e : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %logits = of.matmul %s, %w : (tensor<?x4xf32>, tensor<4x3xf32>) -> tensor<?x3xf32>
  %top = of.reduce_max %logits dims [1] : (tensor<?x3xf32>) -> tensor<?xf32>
  return %logits, %top : tensor<?x3xf32>, tensor<?xf32>
}
"""
JOB = """model: {model}
seed: 3
data:
  train:
    samples: 8
    fields:
      x: {{files: [x.npy], format: npy}}
      kind: {{files: [kind.npy], format: npy}}
      label: {{files: [label.npy], format: npy}}
loss:
  cross_entropy: {{labels: label}}
optimizer:
  adam: {{lr: 0.1}}
batch: 4
steps: 1
checkpoint: {{every_steps: 1}}
"""


class Case:
    def __init__(self, tools):
        self.tools, self.folder = tools, tools.folder
        draw = numpy.random.default_rng(3)
        self.rows = 11
        self.x = draw.standard_normal((self.rows, 4)).astype(numpy.float32)
        self.kind = draw.integers(0, 5, self.rows)
        arrays = {"x": self.x[:8], "kind": self.kind[:8], "label": draw.integers(0, 3, 8), "x11": self.x,
                  "kind11": self.kind, "wide": self.x.astype(numpy.float64), "bytes": self.x.astype(numpy.uint8),
                  "narrow": self.x[:, :3], "kind32": self.kind.astype(numpy.int32)}
        for name, array in arrays.items():
            numpy.save(self.path(name + ".npy"), array)
        with open(self.path("two.mlir"), "w") as file:
            file.write(MODEL)
        self.job = JOB.format(model=self.path("two.mlir"))

    def path(self, name):
        return os.path.join(self.folder, name)

    def train(self):
        base = self.tools.compile("train", self.job, cluster(1, 1))
        self.tools.train(base)
        self.trained, self.weights = os.path.join(base, "job.plan"), base
        self.values = {name: numpy.array(flat).reshape(shape)
                       for name, (shape, flat) in load_tensors(checkpoint(base, 1)).items()}

    def compile(self, devices):
        plan = self.path(f"forward-{devices}.plan")
        for name, text in (("job.yaml", self.job), ("cluster.yaml", cluster(devices, 1))):
            with open(self.path(name), "w") as file:
                file.write(text)
        run([self.tools.tool("of-compile"), self.path("job.yaml"), "--cluster=" + self.path("cluster.yaml"),
             "--inference", "-o", plan])
        return plan

    def command(self, plan, *flags):
        self.tools.next_port += 16
        return [self.tools.tool("of-run"), plan, "--local", "--port", str(self.tools.next_port), "--weights",
                self.weights, *flags]

    def expected(self):
        logits = (self.x.astype(float) + self.values["table"][self.kind]) @ self.values["w"]
        return logits, logits.max(1)

    def runs_forward(self, devices, kind="kind11.npy"):
        plan = self.compile(devices)
        outputs = [self.path("logits.npy"), self.path("top.npy")]
        run(self.command(plan, "--input", "x=@" + self.path("x11.npy"), "--input", "kind=@" + self.path(kind),
                         "--output", "logits=" + outputs[0], "--output", "top=" + outputs[1]))
        for file, wanted in zip(outputs, self.expected()):
            found = numpy.load(file)
            if found.dtype != numpy.float32 or found.shape != wanted.shape:
                raise Failure(f"{file} holds {found.dtype} {found.shape}, expected f32 {wanted.shape}")
            if not numpy.allclose(found, wanted, atol=1e-5, rtol=1e-5):
                raise Failure(f"{file} is off by {abs(found - wanted).max()}")
        return f"ok   {self.rows} rows in batches of 4 on {devices} devices, {kind}"

    def exports(self):
        """The checkpoint as one file of what the model needs; the forward plan takes it as well."""
        file, whole = self.path("model.safetensors"), self.path("whole.safetensors")
        run([self.tools.tool("of-run"), "export", self.weights, "--plan", self.trained, "--out", file])
        run([self.tools.tool("of-run"), "export", self.weights, "--out", whole])
        for path, names in ((file, {"table", "w"}), (whole, set(self.values))):
            found = load_file(path)
            if set(found) != names:
                raise Failure(f"{path} holds {sorted(found)}, expected {sorted(names)}")
            for name, (shape, flat) in found.items():
                if not numpy.array_equal(numpy.array(flat).reshape(shape), self.values[name]):
                    raise Failure(f"'{name}' of {path} is not what the checkpoint has")
        self.weights = file
        return "ok   export as safetensors: " + self.runs_forward(1)

    def refuses(self, title, what, *flags, plan=None, code=2):
        done = subprocess.run(self.command(plan or self.path("forward-1.plan"), *flags), capture_output=True, text=True)
        if done.returncode != code or what not in done.stderr:
            raise Failure(f"{title}: exit {done.returncode}, expected {code} and '{what}'\n{done.stderr}")
        if os.path.exists(self.path("no.npy")):
            raise Failure(f"{title}: an output was written")
        return f"ok   refused: {title}"

    def errors(self):
        x, kind = "x=@" + self.path("x11.npy"), "kind=@" + self.path("kind11.npy")
        out = ("--output", "top=" + self.path("no.npy"))

        def inputs(first, second):
            return "--input", first, "--input", second, *out
        yield "an input without a file", "input 'kind' of the plan has no file", "--input", x, *out
        yield "no name where there are two", "say which is", "--input", "@" + self.path("x11.npy"), *out
        yield "a name it does not have", "the plan has no input 'y'; it has x, kind", *inputs(x, "y=@a.npy")
        yield "integers for floats", "holds u8, input 'x' of the plan is f32", *inputs("x=@" + self.path("bytes.npy"), kind)
        yield "another shape", "takes [rows, 4]", *inputs("x=@" + self.path("narrow.npy"), kind)
        yield "another number of rows", "has 8 rows, but", *inputs(x, "kind=@" + self.path("kind.npy"))
        yield "a result it does not have", "the plan has no output 'nothing'", *inputs(x, kind)[:4], "--output", "nothing=a.npy"
        yield "no result", "name a file for a result", *inputs(x, kind)[:4]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--keep")
    args = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = os.path.abspath(args.keep) if args.keep else temporary
        os.makedirs(folder, exist_ok=True)
        case = Case(Tools(args.bin, folder, folder))
        case.train()
        steps = [lambda: case.runs_forward(1), lambda: case.runs_forward(2), lambda: case.runs_forward(1, "kind32.npy")]
        steps += [lambda e=e: case.refuses(*e) for e in case.errors()]
        steps.append(lambda: case.refuses("a file that is not there", "absent.npy", "--input", "kind=@" + case.path("kind11.npy"),
                                          "--input", "x=@" + case.path("absent.npy"), "--output", "top=no.npy", code=7))
        steps.append(case.exports)
        steps.append(lambda: case.refuses("a plan that trains", "compile the job with --inference", "--input",
                                          "x=@" + case.path("x11.npy"), "--output", "top=" + case.path("no.npy"),
                                          plan=case.trained))
        for step in steps:
            try:
                print(step(), flush=True)
            except Failure as failure:
                print(f"FAIL {failure}", flush=True)
                failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
