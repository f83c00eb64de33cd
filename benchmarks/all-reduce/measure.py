"""What does an all-reduce cost, from 64 B to 64 MiB?

usage: measure.py BIN [--nodes 2 4 8] [--wire shared tcp] [--sizes BYTES ...] [--repeat N]

Plans of one all-reduce run in of-run, in one step and in two (benchmarks/support); Open MPI and, over TCP, one
socket pair take their turns between them in the same run. Every figure is the median of --repeat runs, each the
median of its iterations.
"""
import argparse
import os
import statistics
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from stamped import CORES, Stamped, bytes_of, run, spent, time_of  # noqa: E402

KINDS = {"one step": "all-reduce", "two steps": "all-reduce-two-steps"}
# How each wire is asked for: hosts of the plan, environment of of-run, arguments of mpirun.
WIRES = {"shared": ("one", {}, ["--mca", "btl", "vader,self"]),
         "tcp": ("many", {}, ["--mca", "btl", "tcp,self", "--mca", "btl_tcp_if_include", "lo"])}


def iterations_for(size):
    return max(12, min(20000, (1 << 28) // (size + (1 << 13))))


def lines(command):
    return spent([float(line) for line in run(command).split()])


def runners(args, folder, nodes, wire, size):
    hosts, env, mpi = WIRES[wire]
    count = iterations_for(size) // (1 if nodes == 2 else 4)
    count = max(count, 8)
    out = {name: (lambda plan=Stamped(args.bin, folder, kind, nodes, hosts, size, count): plan.run(env))
           for name, kind in KINDS.items()}
    pinned = f"exec taskset -c $((OMPI_COMM_WORLD_RANK % {len(CORES)})) \"$@\""
    command = ["mpirun", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none", *mpi, "-np", str(nodes),
               "sh", "-c", pinned, "sh", os.path.join(args.bin, "all-reduce-mpi"), str(size), str(count)]
    out["mpi"] = lambda: lines(command)
    if wire == "tcp" and nodes == 2:
        out["pair"] = lambda: lines([os.path.join(args.bin, "socket-pair"), str(size), str(count)])
    return out


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin")
    parser.add_argument("--nodes", type=int, nargs="+", default=[2, 4, 8])
    parser.add_argument("--wire", nargs="+", choices=WIRES, default=list(WIRES))
    parser.add_argument("--sizes", type=int, nargs="+", default=[64 << (2 * i) for i in range(11)])
    parser.add_argument("--repeat", type=int, default=7)
    args = parser.parse_args()
    for wire in args.wire:
        for nodes in args.nodes:
            print(f"{wire}, {nodes} processes: times as fast as Open MPI | ours | its", flush=True)
            for size in args.sizes:
                with tempfile.TemporaryDirectory(dir=os.environ.get("OF_SCRATCH")) as folder:
                    turns = runners(args, folder, nodes, wire, size)
                    all_times = {name: [] for name in turns}
                    for _ in range(args.repeat):
                        for name, turn in turns.items():
                            all_times[name].append(turn())
                middle = {name: statistics.median(times) for name, times in all_times.items()}
                best = min(KINDS, key=middle.get)
                ratio = statistics.median(m / o for o, m in zip(all_times[best], all_times["mpi"]))
                other = next(name for name in KINDS if name != best)
                pair = ""
                if "pair" in middle:
                    share = statistics.median(p / o for o, p in zip(all_times[best], all_times["pair"]))
                    pair = f"   {share:.2f} x one socket pair ({time_of(middle['pair'])})"
                print(f"  {bytes_of(size):>8}  {ratio:6.2f} x   {time_of(middle[best])} in {best} "
                      f"({time_of(middle[other])} in {other})   {time_of(middle['mpi'])}{pair}", flush=True)


if __name__ == "__main__":
    main()
