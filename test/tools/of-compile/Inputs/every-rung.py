"""every-rung.py EXAMPLE CLUSTER FOLDER: printed at every rung, read by of-opt and gone on from, the job gives the same plan."""
import filecmp
import os
import subprocess
import sys

example, cluster, folder = sys.argv[1:]
os.makedirs(folder, exist_ok=True)


def at(name):
    return os.path.join(folder, name)


subprocess.run(["of-compile", os.path.join(example, "job.yaml"), "--cluster=" + os.path.join(example, cluster),
                "-o", at("whole.plan"), "--dump-dir=" + folder], check=True)
rungs = sorted(name for name in os.listdir(folder) if name[0].isdigit() and name.endswith(".mlir"))
if len(rungs) != 5:
    sys.exit(f"{len(rungs)} rungs were printed: {rungs}")
for rung in rungs:
    subprocess.run(["of-opt", "--mlir-print-debuginfo", at(rung), "-o", at("read.mlir")], check=True)
    subprocess.run(["of-compile", at("read.mlir"), "-o", at("resumed.plan")], check=True)
    if not filecmp.cmp(at("whole.plan"), at("resumed.plan"), shallow=False):
        sys.exit(f"from {rung} on the plan is another")
