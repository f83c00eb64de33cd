"""Running jobs through the real tools, for the end-to-end tests: jobs from examples, clusters, layouts, results."""
import argparse
import ctypes
import importlib.util
import json
import os
import re
import struct
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLES = os.path.join(HERE, "..", "..", "examples")


class Failure(Exception):
    pass


def expect(condition, what):
    if not condition:
        raise Failure(what)


def run(command, env=None):
    result = subprocess.run(command, capture_output=True, text=True,
                            env={**os.environ, **(env or {})})
    if result.returncode:
        raise Failure(f"{' '.join(command)}\nexit {result.returncode}\n{result.stdout}{result.stderr}")
    return result


def example_script(example, name="export"):
    """A script of an example's folder as a module."""
    path = os.path.join(EXAMPLES, example, name + ".py")
    spec = importlib.util.spec_from_file_location(re.sub(r"\W", "_", f"{example}_{name}"), path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ---- Clusters and layouts --------------------------------------------------------------------------------------------


def cluster(nodes, devices, hosts=1):
    """A cluster.yaml of `nodes` processes with `devices` CPU devices each, dealt to `hosts` hosts."""
    lines = ["nodes:"]
    for n in range(nodes):
        lines += [f"  - name: n{n}", f"    host: h{n % hosts}", "    devices:"]
        lines += ["      - {kind: cpu, threads: 1}"] * devices
    return "\n".join(lines) + "\n"


def pin(what, name, **sbp):
    axes = ", ".join(f"{axis}: {value}" for axis, value in sbp.items())
    return f"    - {{{what}: {name}, sbp: {{{axes}}}}}"


def parallel(mesh=None, strategy="data", stages=(), pins=(), split=None):
    """The job's key `parallel`."""
    out = ["parallel:", f"  strategy: {strategy}"]
    if mesh:
        out.append("  mesh: {" + ", ".join(f"{a}: {n}" for a, n in mesh.items()) + "}")
    if stages:
        out.append("  stages: [" + ", ".join(stages) + "]")
    if split:
        out.append(f"  split_backward: {split}")
    if pins:
        out += ["  pins:"] + list(pins)
    return "\n".join(out) + "\n"


# ---- Jobs ------------------------------------------------------------------------------------------------------------


def job_text(example, changes, edits=(), parallel_text=""):
    """The example's job with other values of top-level keys (None drops one), then regex edits."""
    folder = os.path.join(EXAMPLES, example)
    with open(os.path.join(folder, "job.yaml")) as file:
        text = file.read()
    changes = {"model": os.path.join(folder, "model.mlir"), "parallel": None, **changes}
    for key in changes:
        text = re.sub(rf"(?m)^{key}:.*\n((  .*)?\n)*", "", text)
    for pattern, replacement in edits:
        text, count = re.subn(pattern, replacement, text)
        if count == 0:
            raise Failure(f"{example}/job.yaml has nothing like {pattern}")
    lines = [f"{key}: {value}\n" for key, value in changes.items() if value is not None]
    return text.rstrip("\n") + "\n" + "".join(lines) + parallel_text


class Tools:
    """The tools of a build, and a folder for what they write."""

    def __init__(self, binaries, data, folder):
        self.bin, self.data, self.folder = os.path.abspath(binaries), data, folder
        self.made_data = {}  # example -> folder
        self.next_port = 20000 + os.getpid() * 37 % 20000

    def tool(self, name):
        return os.path.join(self.bin, name)

    def data_for(self, example):
        """The folder of an example's data: what its make-data.sh writes, else the one given."""
        script = os.path.join(EXAMPLES, example, "make-data.sh")
        if not os.path.exists(script):
            return self.data
        if example not in self.made_data:
            self.made_data[example] = os.path.join(self.folder, "data-" + example)
            run([script, self.made_data[example]])
        return self.made_data[example]

    def compile(self, name, job, cluster_text, slots=None):
        """Compiles into a folder of this name, which is returned. `slots`: of every register."""
        base = os.path.join(self.folder, re.sub(r"\W+", "-", name))
        os.makedirs(base, exist_ok=True)
        files = {"job.yaml": job, "cluster.yaml": cluster_text}
        for file_name, text in files.items():
            with open(os.path.join(base, file_name), "w") as file:
                file.write(text)
        source = [os.path.join(base, "job.yaml"), "--cluster=" + os.path.join(base, "cluster.yaml")]
        if slots:
            physical, scheduled = os.path.join(base, "physical.mlir"), os.path.join(base, "scheduled.mlir")
            run([self.tool("of-compile"), *source, "--compile-to=physical", "-o", physical])
            run([self.tool("of-opt"), physical, "--mlir-print-debuginfo", "--of-settle-buffers",
                 f"--of-schedule=of-slots={slots}", "--of-assign-memory", "-o", scheduled])
            with open(scheduled) as file:
                text = file.read().replace('of.rung = "physical"', 'of.rung = "schedule"')
            with open(scheduled, "w") as file:
                file.write(text)
            source = [scheduled]
        run([self.tool("of-compile"), *source, "-o", os.path.join(base, "job.plan")])
        return base

    def train(self, base, *flags, env=None, out=None, data=None):
        """Runs a compiled folder; results are in `out`, by default the folder itself."""
        self.next_port += 16
        run([self.tool("of-run"), os.path.join(base, "job.plan"), "--local", "--data", data or self.data,
             "--out", out or base, "--port", str(self.next_port), *flags], env)
        return out or base


def node_processes(plan):
    """node -> process id of the running of-run processes of a plan file."""
    out = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline") as file:
                words = file.read().split("\0")
        except OSError:
            continue
        if plan in words and "--node" in words:
            out[int(words[words.index("--node") + 1])] = int(pid)
    return out


def losses(folder):
    with open(os.path.join(folder, "metrics.jsonl")) as file:
        return [r["loss"] for r in map(json.loads, file) if r["program"] == "train"]


def checkpoint(folder, step):
    return os.path.join(folder, "checkpoints", f"step-{step:06d}")


def load_tensors(folder):
    """name -> (shape, flat tuple) of all safetensors files of a checkpoint."""
    out = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".safetensors"):
            out.update(load_file(os.path.join(folder, name)))
    return out


def load_file(path):
    """name -> (shape, flat tuple) of a safetensors file."""
    with open(path, "rb") as file:
        blob = file.read()
    size, out = struct.unpack("<Q", blob[:8])[0], {}
    for key, entry in json.loads(blob[8:8 + size]).items():
        if key == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        code = {"F32": "f", "F64": "d", "I64": "q", "I32": "i"}[entry["dtype"]]
        data = blob[8 + size + begin:8 + size + end]
        out[key] = (entry["shape"], struct.unpack(f"<{len(data) // struct.calcsize(code)}{code}", data))
    return out


class Hash128(ctypes.Structure):
    _fields_ = [("low", ctypes.c_uint64), ("high", ctypes.c_uint64)]


def digest(data):
    """XXH3-128 in its canonical form: what the manifest of a checkpoint holds of each part."""
    library = ctypes.CDLL("libxxhash.so.0")
    library.XXH3_128bits.restype, library.XXH3_128bits.argtypes = Hash128, [ctypes.c_char_p, ctypes.c_size_t]
    found = library.XXH3_128bits(bytes(data), len(data))
    return f"{found.high:016x}{found.low:016x}"


def deviation(expected, found):
    """Largest relative difference of two lists."""
    if len(expected) != len(found):
        raise Failure(f"{len(found)} values, expected {len(expected)}")
    return max(abs(x - y) / max(abs(x), 1e-30) for x, y in zip(expected, found))


def norm(values):
    return sum(v * v for v in values) ** 0.5


# ---- Scripts ---------------------------------------------------------------------------------------------------------


def run_cases(cases, check):
    """main() of a script whose named cases `check(tools, name)` tells a line of each, or fails."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--case", action="append", choices=cases)
    options = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        tools = Tools(options.bin, options.data, folder)
        for name in options.case or cases:
            try:
                print(f"{name}: {check(tools, name)}", flush=True)
            except Failure as error:
                failed = True
                print(f"{name}: FAILED\n{error}", flush=True)
    return 1 if failed else 0
