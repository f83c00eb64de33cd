#!/usr/bin/env python3
"""Strangers at the door of a job: how many come, and what they cost those that belong to it.

  hostile.py --bin build/bin [--connections 100000] [--case join|run] [--runs 7] [--rate 2000]

join  Node 0 waits for node 1. Meanwhile connections come as fast as two processes can make them: silent ones, ones that close at once,
noise, requests of other protocols, and the hello that a proxy has recorded when node 1 joined the same job before. Half of
them come before node 1 is started. It must join, the run must end well, and its time is printed beside that without strangers.

run   Node 1 listens while it trains, for others that would turn to it if node 0 died. Strangers come to its door at a steady rate,
from a process that yields to all others. On the same cores they cost something by themselves, so runs with them at node 1's door
alternate with runs with the same strangers at a bystander's, and with none: medians of the times from the first step to the end, and
how busy the thread of node 1 is that hears of other nodes.
"""
import argparse
import collections
import itertools
import multiprocessing
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from ports import free_ports  # noqa: E402

TOKEN = "a secret of this job"


class Job:
    def __init__(self, bin_folder, folder):
        self.bin, self.folder = os.path.abspath(bin_folder), folder
        self.plan = os.path.join(folder, "toy.plan")
        subprocess.run([os.path.join(self.bin, "write-toy-plan"), self.plan, "01", "1", "50", "0"], check=True)

    def node(self, number, port, *words, plan=None, own=0):
        return subprocess.Popen([os.path.join(self.bin, "of-run"), plan or self.plan, *words, "--node", str(number), "--join-timeout", "600",
                                 "--peers", f"127.0.0.1:{port},127.0.0.1:{own}"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                text=True, env={**os.environ, "OF_JOB_TOKEN": TOKEN})


def await_listener(port):
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.01)


def finish(nodes, began):
    outputs = [n.communicate(timeout=600)[1] for n in nodes]
    if any(n.returncode for n in nodes):
        sys.exit(f"exit codes {[n.returncode for n in nodes]}\n{''.join(outputs)}")
    return time.time() - began


def run_alone(job):
    port = free_ports(1)[0]
    root = job.node(0, port)
    await_listener(port)
    began = time.time()
    return finish([root, job.node(1, port)], began)


def record_hello(job):
    """What node 1 sends first, taken down by a proxy between it and node 0."""
    port, own = free_ports(1)[0], socket.create_server(("127.0.0.1", 0))
    nodes = [job.node(0, port)]
    await_listener(port)
    nodes.append(job.node(1, own.getsockname()[1]))
    inner, outer = own.accept()[0], socket.create_connection(("127.0.0.1", port))
    sent = bytearray()

    def pump(source, target, keep):
        try:
            while chunk := source.recv(65536):
                keep += chunk
                target.sendall(chunk)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # an end that has all it wants closes without waiting

    other = threading.Thread(target=pump, args=(outer, inner, bytearray()), daemon=True)
    other.start()
    pump(inner, outer, sent)
    finish(nodes, 0)
    return bytes(sent[:128])


def disturb(port, count, words, made):
    """Keeps the last few hundred connections open, so that node 0 has its hands full."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    open_ones = collections.deque()
    for i in range(count):
        try:
            s = socket.create_connection(("127.0.0.1", port), timeout=10)
            word = words[i % len(words)]
            if word is not None:
                s.sendall(word)
                open_ones.append(s)
        except OSError:
            continue  # node 0 has let go of it, or is done
        finally:
            with made.get_lock():
                made.value += 1
        if word is None:
            s.close()
        while len(open_ones) > 200:
            open_ones.popleft().close()


def visit(port, rate, words, made, over):
    """Strangers at a steady rate, until it is over."""
    os.nice(19)
    open_ones, began = collections.deque(), time.monotonic()
    for i in itertools.count():
        while i > rate * (time.monotonic() - began) and not over.value:
            time.sleep(0.002)
        if over.value:
            return
        try:
            s = socket.create_connection(("127.0.0.1", port), timeout=0.2)
            made.value += 1
            if words[i % len(words)]:
                s.sendall(words[i % len(words)])
            open_ones.append(s)
        except OSError:
            continue
        while len(open_ones) > 200:
            open_ones.popleft().close()


def receive(door):
    """A bystander's door: whoever comes is let in and sent away."""
    while True:
        door.accept()[0].close()


def control_seconds(pid):
    """How long the control thread of a process has had a processor; None once it is gone."""
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/stat") as file:
                name, fields = file.read().rsplit(")", 1)
            if name.endswith("(of-control"):
                return sum(map(int, fields.split()[11:13])) / os.sysconf("SC_CLK_TCK")
    except OSError:
        pass
    return None


def run_visited(job, plan, out, door_of, args, words):
    """Seconds from the first step to the end, the control thread's share of a core, and how many came."""
    port, own = free_ports(1)[0], free_ports(1)[0]
    nodes = [job.node(0, port, "--out", out, plan=plan), job.node(1, port, plan=plan, own=own)]
    metrics = os.path.join(out, "metrics.jsonl")
    while not (os.path.exists(metrics) and os.path.getsize(metrics)):
        time.sleep(0.001)
        if any(n.poll() for n in nodes):
            sys.exit("".join(n.communicate()[1] for n in nodes))
    began, busy, at = time.monotonic(), control_seconds(nodes[1].pid), time.monotonic()
    first, first_at = busy, at
    made, over, door = multiprocessing.Value("i", 0), multiprocessing.Value("b", 0), door_of(own)
    stranger = multiprocessing.Process(target=visit, args=(door, args.rate, words, made, over)) if door else None
    if stranger:
        stranger.start()
    while nodes[1].poll() is None:
        now = control_seconds(nodes[1].pid)
        if now is not None:
            busy, at = now, time.monotonic()
        time.sleep(0.05)
    finish(nodes, 0)
    took = time.monotonic() - began
    over.value = 1
    if stranger:
        stranger.join()
    return took, (busy - first) / (at - first_at), made.value


def strangers_during(job, args):
    plan = os.path.join(job.folder, "long.plan")
    subprocess.run([os.path.join(job.bin, "write-toy-plan"), plan, "00", "1", str(args.steps), "0"], check=True)
    words = [b"", os.urandom(128), b"GET / HTTP/1.1\r\n\r\n" * 20, os.urandom(64)]
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as door:
        bystander = multiprocessing.Process(target=receive, args=(door,), daemon=True)
        bystander.start()
        doors = {"none": lambda own: None, "at a bystander's": lambda own: door.getsockname()[1], "at node 1's": lambda own: own}
        found = {name: [] for name in doors}
        for turn in range(args.runs):
            for name, door_of in doors.items():
                found[name].append(run_visited(job, plan, os.path.join(job.folder, f"{turn}-{len(name)}"), door_of, args, words))
        bystander.kill()
    seconds = {name: statistics.median(f[0] for f in runs) for name, runs in found.items()}
    for name, runs in found.items():
        print(f"     strangers {name}: {seconds[name]:.2f} s ({min(r[0] for r in runs):.2f} to {max(r[0] for r in runs):.2f}), control thread "
              f"{100 * statistics.median(r[1] for r in runs):.2f} % of a core, {sum(r[2] for r in runs)} connections")
    alone, elsewhere, here = (seconds[name] for name in doors)
    print(f"ok   the run takes {here / elsewhere:.3f} times as long as with the same strangers elsewhere, {here / alone:.3f} times as "
          "long as without")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--connections", type=int, default=100000)
    parser.add_argument("--case", choices=["join", "run"])
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--rate", type=int, default=2000, help="Strangers a second of the case run")
    parser.add_argument("--steps", type=int, default=20000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        job = Job(args.bin, folder)
        if args.case != "join":
            strangers_during(job, args)
        if args.case == "run":
            return
        alone = sorted(run_alone(job) for _ in range(5))
        hello = record_hello(job)
        words = [b"", None, os.urandom(128), b"GET / HTTP/1.1\r\n\r\n" * 20, hello, hello, os.urandom(64)]
        port, made = free_ports(1)[0], multiprocessing.Value("i", 0)
        root = job.node(0, port)
        await_listener(port)
        strangers = [multiprocessing.Process(target=disturb, args=(port, args.connections // 2, words, made)) for _ in range(2)]
        flood = time.time()
        for s in strangers:
            s.start()
        while made.value < args.connections // 2:
            time.sleep(0.01)
            if root.poll() is not None:
                sys.exit(f"node 0 ended with {root.returncode} before its peer came\n{root.stderr.read()}")
        half, began = made.value / (time.time() - flood), time.time()
        took = finish([root, job.node(1, port)], began)
        for s in strangers:
            s.join()
        print(f"ok   {made.value} connections, {half:.0f} a second; node 1 came and the run ended in {took:.2f} s, "
              f"without strangers in {alone[2]:.2f} s ({alone[0]:.2f} to {alone[-1]:.2f})")


if __name__ == "__main__":
    main()
