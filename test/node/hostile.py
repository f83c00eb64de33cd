#!/usr/bin/env python3
"""Strangers at the door of a job: how many come, and what they cost those that belong to it.

  hostile.py --bin build/bin [--connections 100000]

Node 0 waits for node 1. Meanwhile connections come as fast as two processes can make them: silent ones, ones that close at once,
noise, requests of other protocols, and the hello that a proxy has recorded when node 1 joined the same job before. Half of
them come before node 1 is started. It must join, the run must end well, and its time is printed beside that without strangers.
"""
import argparse
import collections
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

TOKEN = "a secret of this job"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Job:
    def __init__(self, bin_folder, folder):
        self.bin, self.folder = os.path.abspath(bin_folder), folder
        self.plan = os.path.join(folder, "toy.plan")
        subprocess.run([os.path.join(self.bin, "write-toy-plan"), self.plan, "01", "1", "50", "0"], check=True)

    def node(self, number, port):
        return subprocess.Popen([os.path.join(self.bin, "of-run"), self.plan, "--node", str(number), "--join-timeout", "600",
                                 "--peers", f"127.0.0.1:{port},127.0.0.1:0"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
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
    port = free_port()
    root = job.node(0, port)
    await_listener(port)
    began = time.time()
    return finish([root, job.node(1, port)], began)


def record_hello(job):
    """What node 1 sends first, taken down by a proxy between it and node 0."""
    port, own = free_port(), socket.create_server(("127.0.0.1", 0))
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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--connections", type=int, default=100000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        job = Job(args.bin, folder)
        alone = sorted(run_alone(job) for _ in range(5))
        hello = record_hello(job)
        words = [b"", None, os.urandom(128), b"GET / HTTP/1.1\r\n\r\n" * 20, hello, hello, os.urandom(64)]
        port, made = free_port(), multiprocessing.Value("i", 0)
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
