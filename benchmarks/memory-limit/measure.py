#!/usr/bin/env python3
"""How a plan changes as a device's memory falls, and the largest batch that fits.

  measure.py BUILD ladder   a transformer on a few devices, with less and less memory, until nothing fits
  measure.py BUILD batch    BERT-Large in single precision, 512 tokens, one device of 32 GB, nothing computed again:
                            the largest batch whose plan fits, by doubling and halving

Compiles with of-compile; nothing is run.
"""
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
BLOCK = os.path.join(HERE, "..", "..", "test", "distribute", "search", "Inputs", "block.py")
VOCABULARY = 30522

JOB = """model: model.mlir
data:
  train:
    samples: 100000000
    fields:
      text: {{files: [text.bin], format: tokens, sequence: {sequence}}}
      next: {{files: [text.bin], format: tokens, sequence: {sequence}, offset: 1}}
loss: {{cross_entropy: {{labels: next}}}}
optimizer: {{adam: {{lr: 0.0001}}}}
batch: {batch}
accumulate: {accumulate}
steps: 1000
parallel: {{strategy: {strategy}, recompute: {recompute}}}
"""


def model(layers, hidden, heads, sequence, vocabulary=VOCABULARY):
    """A decoder of so many layers between an embedding and a classifier of tokens."""
    blocks = subprocess.run([sys.executable, BLOCK, "--layers", str(layers), "--hidden", str(hidden), "--heads",
                             str(heads), "--sequence", str(sequence)], capture_output=True, text=True, check=True).stdout
    lines = blocks.strip().splitlines()
    argument = re.search(r"\((%\w+): ", lines[0])[1]
    result = re.search(r"return (%[\w.]+)", lines[-2])[1]
    rows, table = f"tensor<?x{sequence}x{hidden}xf32>", f"tensor<{vocabulary}x{hidden}xf32>"
    head, logits = f"tensor<{hidden}x{vocabulary}xf32>", f"tensor<?x{sequence}x{vocabulary}xf32>"
    text = f"tensor<?x{sequence}xi32>"
    return "\n".join([
        f"func.func @model(%text: {text}) -> {logits} {{",
        f'  %table = of.parameter "embedding.weight" init(#of.init<normal, 0.0, 0.02>) : {table}',
        f"  {argument} = of.embedding %table, %text : ({table}, {text}) -> {rows}",
        *lines[1:-2],
        f'  %head = of.parameter "head.weight" init(#of.init<normal, 0.0, 0.02>) : {head}',
        f"  %logits = of.matmul {result}, %head : ({rows}, {head}) -> {logits}",
        f"  return %logits : {logits}",
        "}", ""])


def cluster(nodes, devices, memory):
    lines = ["nodes:"]
    for n in range(nodes):
        lines.append(f"  - {{name: n{n}, devices: [{{kind: cpu, count: {devices}, gflops_f32: 14000, "
                     f"memory_gb_per_s: 800, memory: {memory} MB}}]}}")
    return "\n".join(lines + [
        "resources:",
        "  - {name: link, per: node, gb_per_s: 40, latency_us: 5}",
        "  - {name: nic, per: node, gb_per_s: 10, latency_us: 10}",
        "paths:",
        '  - {from: "n*", to: "n*", within: node, over: [link]}',
        '  - {from: "n*", to: "n*", within: cluster, over: [nic]}', ""])


def compile_to(build, folder, job, machines):
    """What --explain says of the plan, or the error."""
    for name, text in (("job.yaml", job), ("cluster.yaml", machines)):
        with open(os.path.join(folder, name), "w") as file:
            file.write(text)
    done = subprocess.run([os.path.join(build, "bin", "of-compile"), os.path.join(folder, "job.yaml"),
                           "--cluster=" + os.path.join(folder, "cluster.yaml"), "--explain", "--compile-to=schedule",
                           "-o", os.path.join(folder, "plan.mlir")], capture_output=True, text=True)
    return (done.stdout, None) if done.returncode == 0 else (None, done.stderr.strip())


def summary(text):
    """Step time, mesh, what is computed again and bytes of a device."""
    chosen = re.search(r"^chosen +(\S+) s per step, .*mesh \{(.*)\}$", text, re.M)
    stages = re.findall(r"^stages (\d+) .*: (\S+) s per step", text, re.M)
    again = re.search(r"of (\d+) blocks (\d+) in full and (\d+) selectively", text)
    memory = [int(m) for m in re.findall(r"^memory of .*: (\d+) bytes$", text, re.M)]
    best = min(((float(s), int(n)) for n, s in stages), default=(0, 1))
    levels = f"again {again[2]} in full and {again[3]} selectively of {again[1]}" if again else "nothing again"
    return f"{float(chosen[1]):.4g} s, {best[1]} stages, mesh {{{chosen[2]}}}, {levels}, {max(memory) / 1e6:.1f} MB"


def ladder(build, folder):
    with open(os.path.join(folder, "model.mlir"), "w") as file:
        file.write(model(layers=8, hidden=512, heads=8, sequence=128, vocabulary=4096))
    memory, step = 4096, 0.75
    while True:
        job = JOB.format(sequence=128, batch=64, accumulate=4, strategy="auto", recompute="auto")
        text, error = compile_to(build, folder, job, cluster(2, 2, int(memory)))
        print(f"{int(memory)} MB: {summary(text) if text else error}", flush=True)
        if error:
            return
        memory *= step


def batch(build, folder):
    with open(os.path.join(folder, "model.mlir"), "w") as file:
        file.write(model(layers=24, hidden=1024, heads=16, sequence=512))
    fits, least = 0, None
    rows = 8
    while least is None or least - fits > 1:
        job = JOB.format(sequence=512, batch=rows, accumulate=1, strategy="auto", recompute="none")
        text, error = compile_to(build, folder, job, cluster(1, 1, 32000))
        print(f"batch {rows}: {summary(text) if text else error}", flush=True)
        if text:
            fits = rows
        else:
            least = rows
        rows = 2 * fits if least is None else (fits + least) // 2
    print(f"the largest batch that fits: {fits}")


def main():
    build, what = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        {"ladder": ladder, "batch": batch}[what](build, folder)


if __name__ == "__main__":
    main()
