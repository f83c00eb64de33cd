"""What does an edge between two processes cost, beside ucx_perftest?

usage: measure.py BIN [--wire shared tcp] [--sizes BYTES ...] [--repeat N]

A plan that sends a tensor to another process and back runs in of-run (benchmarks/support); `ucx_perftest -t tag_lat`
takes turns with it in the same run, on the same two cores. Times are one way. Every figure is the median of --repeat
runs, each the median of its iterations.
"""
import argparse
import os
import statistics
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from stamped import Stamped, bytes_of, free_ports, on_core, run_together, time_of  # noqa: E402

# How each wire is asked for: hosts of the plan, environment of of-run and of ucx_perftest.
WIRES = {"shared": ("one", {}, {"UCX_TLS": "posix,cma,self"}),
         "tcp": ("many", {}, {"UCX_TLS": "tcp"})}


def iterations_for(size):
    return max(12, min(20000, (1 << 28) // (size + (1 << 13))))


def perftest(size, count, env):
    """Nanoseconds one way, the median that ucx_perftest prints."""
    port = str(free_ports(1)[0])
    common = ["-t", "tag_lat", "-s", str(size), "-n", str(count), "-w", str(max(2, count // 10)), "-p", port]
    client = ["sh", "-c", "sleep 0.3; exec \"$@\"", "sh", "ucx_perftest", "127.0.0.1", *common, "-f", "-v"]
    printed = run_together([on_core(0, ["ucx_perftest", *common]), on_core(1, client)], env)[1]
    return float(printed.splitlines()[1].split(",")[1]) * 1e3


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin")
    parser.add_argument("--wire", nargs="+", choices=WIRES, default=list(WIRES))
    parser.add_argument("--sizes", type=int, nargs="+", default=[64 << (2 * i) for i in range(11)])
    parser.add_argument("--repeat", type=int, default=7)
    args = parser.parse_args()
    for wire in args.wire:
        hosts, env, peer_env = WIRES[wire]
        print(f"{wire}: times as long as ucx_perftest | ours | its", flush=True)
        for size in args.sizes:
            with tempfile.TemporaryDirectory(dir=os.environ.get("OF_SCRATCH")) as folder:
                count = iterations_for(size)
                plan = Stamped(args.bin, folder, "round-trip", 2, hosts, size, count)
                times = [(plan.run(env) / 2, perftest(size, count, peer_env)) for _ in range(args.repeat)]
            ours, its = (statistics.median(t[i] for t in times) for i in range(2))
            ratio = statistics.median(a / b for a, b in times)
            print(f"  {bytes_of(size):>8}  {ratio:6.2f} x   {time_of(ours)}   {time_of(its)}", flush=True)


if __name__ == "__main__":
    main()
