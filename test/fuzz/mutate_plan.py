#!/usr/bin/env python3
"""Compiles a small job of every kind of work for three nodes and runs plan-mutations on its plan.

  mutate_plan.py --bin build/bin [--toy] [--mutations build-asan/bin] [-- OPTIONS OF plan-mutations]

--toy takes the toy plan of the node tests instead, which needs no compiler.
"""
import argparse
import os
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True


def write_npy(path, descr, shape, values, letter):
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + struct.pack(f"<{len(values)}{letter}", *values))


def compile_job(binaries, folder, plan):
    for end, rows in (("", 32), ("10", 10)):
        write_npy(f"{folder}/text{end}.npy", "<i8", (rows, 4), [i % 8 for i in range(rows * 4)], "q")
        write_npy(f"{folder}/image{end}.npy", "<f4", (rows, 1, 6, 6), [i % 7 / 7 for i in range(rows * 36)], "f")
        write_npy(f"{folder}/label{end}.npy", "<i8", (rows,), [i % 5 for i in range(rows)], "q")
    subprocess.run([os.path.join(binaries, "of-compile"), os.path.join(HERE, "Inputs", "job.yaml"),
                    f"--cluster={os.path.join(HERE, 'Inputs', 'cluster.yaml')}", "-o", plan], check=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--toy", action="store_true")
    parser.add_argument("--mutations")
    args, rest = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        plan = os.path.join(folder, "job.plan")
        if args.toy:
            subprocess.run([os.path.join(args.bin, "write-toy-plan"), plan, "01", "2", "4", "2"], check=True)
        else:
            compile_job(args.bin, folder, plan)
        program = os.path.join(args.mutations or args.bin, "plan-mutations")
        return subprocess.run([program, plan, "--data", folder] + [a for a in rest if a != "--"]).returncode


if __name__ == "__main__":
    sys.exit(main())
