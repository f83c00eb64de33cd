#!/usr/bin/env python3
"""What clusters do to a run, with real processes at random instants.

  faults.py --bin build/bin [--runs N] [--seed S] [--case NAME] [--calm SECONDS]

  end      SIGTERM or SIGUSR1 to a node or to all: every node ends with 75, and resumed the run has the bits of one left alone
  kill     SIGKILL of a node, with --max-restarts: the run has the bits of one left alone
  torn     SIGKILL of a node again and again, up to ten times a run with a checkpoint every few steps: none that is torn is ever
           taken up, the run has the bits of one left alone
  lost     SIGKILL of a node: every survivor says the same first cause, last, and ends with 5; how long until it said so
           and until it had ended
  stop     SIGSTOP of a node: the same
  full     a disk of a few pages: 7, and what was safe before is still there (root)
  elastic  SIGKILL of a node, with --elastic: the run goes on with a plan for one node less, to the bits of one left alone
  cut      the network between two nodes is cut, each in a namespace of its own (root): each says that the other was lost
  calm     only when it is named: nothing happens for --calm seconds but that three times more spinners than cores run beside
           the nodes: nobody may be called lost

A run is a second or less; ctest makes two of each of the first two. The seed is printed; with it and --runs the instants are
drawn alike; cases take turns, and one broken off (SIGINT) sums up what it has seen. The bits of a run are its losses and, where
its checkpoints are those of the one left alone, the tensors of the last. Detection is bounded: a killed process in 0.1 s, one that is silent in 1 s; the last lines say what was
over it.
"""
import argparse
import itertools
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from ports import free_ports  # noqa: E402


class Failure(Exception):
    pass


def expect(condition, what):
    if not condition:
        raise Failure(what)


def losses(out):
    """By step; the last record counts, as a resumed run adds to the file."""
    with open(os.path.join(out, "metrics.jsonl")) as file:
        records = [json.loads(line) for line in file if line.endswith("}\n")]
    return {r["step"]: r["loss"] for r in records}


def tensors(out, step):
    """Of a checkpoint, the bytes of its tensors, by file; nothing if it is not there."""
    folder = os.path.join(out, "checkpoints", f"step-{step:06d}")
    files = [n for n in (os.listdir(folder) if os.path.isdir(folder) else []) if n.endswith(".safetensors")]
    return {name: open(os.path.join(folder, name), "rb").read() for name in sorted(files)}


def newest(out):
    folder = os.path.join(out, "checkpoints")
    steps = [int(n[5:]) for n in (os.listdir(folder) if os.path.isdir(folder) else []) if n[5:].isdigit()]
    return max(steps, default=0)


class Job:
    """A toy plan in a folder, and the losses of a run of it that nothing happens to."""

    def __init__(self, bin_folder, folder, hosts, steps, every):
        self.bin, self.folder, self.hosts, self.steps, self.every, self.nodes = bin_folder, folder, hosts, steps, every, len(hosts)
        self.plan = os.path.join(folder, f"toy-{hosts}.plan")
        subprocess.run([self.tool("write-toy-plan"), self.plan, hosts, "1", str(steps), str(every)], check=True)
        self.count, self.started = 0, []
        out = self.new_out()
        process = self.start(["--local", "--out", out])
        self.await_steps(out, [process])
        began = time.time()
        output = process.communicate(timeout=120)[1]
        expect(process.returncode == 0, f"exit code {process.returncode}\n{output}")
        self.seconds = time.time() - began  # of training
        self.losses, self.end = losses(out), newest(out)
        self.tensors = tensors(out, self.end)
        expect(self.tensors, f"a run left alone has no checkpoint at its end, step {self.end}")

    def tool(self, name):
        return os.path.join(self.bin, name)

    def new_out(self):
        self.count += 1
        return os.path.join(self.folder, f"out-{os.path.basename(self.plan)}-{self.count}")

    def with_checkpoints_every(self, steps):
        plan = f"{self.plan}.{steps}"
        if not os.path.exists(plan):
            subprocess.run([self.tool("write-toy-plan"), plan, self.hosts, "1", str(self.steps), str(steps)], check=True)
        return plan

    def start(self, words, before=(), plan=None, **more):
        process = subprocess.Popen([*before, self.tool("of-run"), plan or self.plan, *words], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True, **more)
        self.started.append(process)
        return process

    def end_all(self):
        """Nothing that a case has started is left behind, however it ended."""
        for process in self.started:
            process.kill()
            process.wait()
        self.started.clear()

    def run(self, words, code):
        process = self.start(words)
        output = process.communicate(timeout=120)[1]
        expect(process.returncode == code, f"exit code {process.returncode}, expected {code}\n{output}")
        return output

    def start_nodes(self, out):
        """Each node a process of ours, so that each can be looked at."""
        peers = ",".join(f"127.0.0.1:{port}" for port in free_ports(self.nodes))
        return [self.start(["--node", str(n), "--peers", peers, "--out", out]) for n in range(self.nodes)]

    def await_steps(self, out, processes, deadline=60):
        """Until the run has begun to train."""
        path, end = os.path.join(out, "metrics.jsonl"), time.time() + deadline
        while not (os.path.exists(path) and os.path.getsize(path) > 0):
            expect(time.time() < end and all(p.poll() is None for p in processes), "the run did not begin")
            time.sleep(0.002)

    def check_bits(self, out):
        """The losses of all steps, and what was trained."""
        self.check_losses(out)
        expect(tensors(out, self.end) == self.tensors, f"other tensors at step {self.end} than those of a run left alone")

    def check_losses(self, out, steps=None):
        """Those of all steps, or of the first so many: a plan is as long as its checkpoints lie apart."""
        found = losses(out)
        expect(found == {s: l for s, l in self.losses.items() if steps is None or s < steps}, "other losses than those of a run left alone, first at step " +
               str(next((s for s in self.losses if self.losses[s] != found.get(s)), "?")))


def a_while(draw, job):
    time.sleep(draw.random() * job.seconds * 0.7)


def case_end(draw, job):
    out = job.new_out()
    processes = job.start_nodes(out)
    job.await_steps(out, processes)
    a_while(draw, job)
    asked = [p for p in processes if p.poll() is None and draw.random() < 0.5] or processes[:1]
    what = draw.choice([signal.SIGTERM, signal.SIGUSR1])
    for p in asked:
        p.send_signal(what)
    ends = [p.communicate(timeout=60) for p in processes]
    codes = [p.returncode for p in processes]
    text = "".join(e[1] for e in ends)
    if codes == [0] * job.nodes or (set(codes) <= {0, -what} and newest(out) == job.steps):
        return "it was done already"
    expect(codes == [75] * job.nodes, f"exit codes {codes} after {what}\n{text}")
    step = newest(out)
    expect(max(losses(out)) == step - 1, f"the newest checkpoint is of step {step}, the last loss of {max(losses(out))}")
    job.run(["--local", "--out", out, "--resume", out], 0)
    job.check_bits(out)
    return f"ended after step {step}"


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(word) for word in file.read().split()]


def case_kill(draw, job):
    out = job.new_out()
    launcher = job.start(["--local", "--out", out, "--max-restarts", "3"])
    job.await_steps(out, [launcher])
    kills = 0
    for _ in range(draw.choice([1, 1, 2])):
        a_while(draw, job)
        nodes = children(launcher.pid) if launcher.poll() is None else []
        if nodes:
            os.kill(draw.choice(nodes), signal.SIGKILL)
            kills += 1
            time.sleep(0.5)
    output = launcher.communicate(timeout=120)[1]
    expect(launcher.returncode == 0, f"exit code {launcher.returncode}\n{output}")
    job.check_bits(out)
    return f"{kills} killed, {output.count('restart ')} restarts"


def case_torn(draw, job):
    out, often = job.new_out(), job.with_checkpoints_every(job.steps // 400)
    launcher = job.start(["--local", "--out", out, "--max-restarts", "100"], plan=often)
    kills, metrics = 0, os.path.join(out, "metrics.jsonl")
    grown = lambda: os.path.getsize(metrics) if os.path.exists(metrics) else 0
    for _ in range(10):
        before, end = grown(), time.time() + 60
        while launcher.poll() is None and grown() <= before:
            expect(time.time() < end, "the run does not go on")
            time.sleep(0.002)
        time.sleep(draw.random() * 0.15)
        nodes = children(launcher.pid) if launcher.poll() is None else []
        if len(nodes) < job.nodes:
            break
        os.kill(draw.choice(nodes), signal.SIGKILL)
        kills += 1
        launcher_said(launcher, "restart ")
    output = launcher.communicate(timeout=120)[1]
    expect(launcher.returncode == 0, f"exit code {launcher.returncode}\n{output}")
    job.check_losses(out, job.steps)
    KILLS.append(kills)
    return f"{kills} killed, the run has the same bits"


def launcher_said(launcher, word):
    """Reads what it says up to a line that begins so, or its end."""
    for line in launcher.stderr:
        if line.startswith(word):
            return


class End(threading.Thread):
    """Follows a process to its end: the last line that it says, when it said it and when it had ended."""

    def __init__(self, process):
        super().__init__(daemon=True)
        self.process, self.line, self.told, self.ended = process, "", None, None
        self.start()

    def run(self):
        for line in self.process.stderr:
            self.line, self.told = line.strip(), time.monotonic()
        self.process.wait()
        self.ended = time.monotonic()

    @staticmethod
    def of_all(processes, deadline=60):
        ends = [End(p) for p in processes]
        for end in ends:
            end.join(deadline)
            expect(not end.is_alive(), f"a survivor is still there after {deadline} s; it last said: {end.line}")
        return ends


class Times:
    """How long it took until all survivors had said so, and until they had ended."""

    def __init__(self, bound):
        self.bound, self.told, self.ended = bound, [], []

    def add(self, began, ends):
        self.told.append(max(e.told for e in ends) - began)
        self.ended.append(max(e.ended for e in ends) - began)
        return f"said after {self.told[-1]:.3f} s, ended after {self.ended[-1]:.3f} s"

    def __str__(self):
        late = sum(t > self.bound for t in self.told)
        return ", ".join(f"{what} after {statistics.median(times):.3f} s (at most {max(times):.3f} s)"
                         for what, times in (("said", self.told), ("ended", self.ended))) + \
            f"; {late} of {len(self.told)} said it later than {self.bound} s"


KILLS = []
TIMES = {"lost": Times(0.1), "stop": Times(1.0), "cut": Times(1.0)}


def strike(draw, job, what, times):
    out = job.new_out()
    processes = job.start_nodes(out)
    job.await_steps(out, processes)
    a_while(draw, job)
    victim = draw.randrange(job.nodes)
    if any(p.poll() is not None for p in processes):
        return "it was done already"
    survivors = [p for i, p in enumerate(processes) if i != victim]
    began = time.monotonic()
    processes[victim].send_signal(what)
    try:
        ends = End.of_all(survivors)
    finally:
        processes[victim].kill()
        processes[victim].communicate()
    causes = [e.line for e in ends]
    if all(p.returncode == 0 for p in survivors):
        return "it was done already"
    expect(all(p.returncode == 5 for p in survivors), f"exit codes {[p.returncode for p in survivors]}: {causes}")
    expect(all(c == causes[0] for c in causes) and
           causes[0].startswith(f"first cause: node n{victim} was lost"), f"first causes {causes}, node {victim} was struck")
    return times.add(began, ends)


def case_lost(draw, job):
    return strike(draw, job, signal.SIGKILL, TIMES["lost"])


def case_stop(draw, job):
    return strike(draw, job, signal.SIGSTOP, TIMES["stop"])


def case_full(draw, job):
    out = job.new_out()
    os.makedirs(out)
    # The size is that of some checkpoints; what was not rotated away in time does not fit.
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={draw.randrange(4, 40) * 4}k", "none", out])
    if mount.returncode != 0:
        return "skipped: a tmpfs cannot be mounted"
    try:
        process = job.start(["--local", "--out", out, "--keep", "0"])
        output = process.communicate(timeout=60)[1]
        expect(process.returncode == 7 and "No space left" in output, f"exit code {process.returncode}\n{output}")
        step = newest(out)
        safe = out + "-saved"
        subprocess.run(["cp", "-r", out, safe], check=True)
    finally:
        subprocess.run(["umount", out], check=True)
    if step:
        job.run(["--local", "--out", safe, "--resume", safe, "--keep", "1"], 0)
        found = losses(safe)
        expect(all(found[s] == job.losses[s] for s in range(step, job.steps)), "other losses after the disk was full")
    return f"full after step {step}"


def case_elastic(draw, job):
    """The devices of the lost node are the remaining one's: the same batch, another plan."""
    out, alone = job.new_out(), job.plan + ".alone"
    if not os.path.exists(alone):
        subprocess.run([job.tool("write-toy-plan"), alone, "0", "2", str(job.steps), str(job.every)], check=True)
    launcher = job.start(["--local", "--out", out, "--elastic", alone])
    job.await_steps(out, [launcher])
    a_while(draw, job)
    nodes = children(launcher.pid) if launcher.poll() is None else []
    if nodes:
        os.kill(draw.choice(nodes), signal.SIGKILL)
    output = launcher.communicate(timeout=120)[1]
    expect(launcher.returncode == 0, f"exit code {launcher.returncode}\n{output}")
    job.check_bits(out)
    restarts = [line for line in output.splitlines() if line.startswith("restart ")]
    return restarts[0] if restarts else "it was done already"


class Network:
    """Two namespaces with a cable between them."""

    def __init__(self):
        self.names = [f"of{os.getpid()}{side}" for side in "ab"]
        for name in self.names:
            self.ip("netns", "add", name)
        self.ip("link", "add", "cable", "netns", self.names[0], "type", "veth", "peer", "name", "cable", "netns", self.names[1])
        for i, name in enumerate(self.names):
            self.ip("-n", name, "addr", "add", f"10.199.0.{i + 1}/24", "dev", "cable")
            self.ip("-n", name, "link", "set", "lo", "up")
            self.ip("-n", name, "link", "set", "cable", "up")
        # Before that nobody can listen there.
        while not all("UP" in self.state(name) for name in self.names):
            time.sleep(0.01)

    @staticmethod
    def state(name):
        return subprocess.run(["ip", "-n", name, "-br", "link", "show", "cable"], capture_output=True, text=True).stdout.split()[1:2]

    @staticmethod
    def ip(*words):
        subprocess.run(["ip", *words], check=True)

    def inside(self, node):
        return ["ip", "netns", "exec", self.names[node]]

    def cut(self):
        self.ip("-n", self.names[0], "link", "set", "cable", "down")

    def close(self):
        for name in self.names:
            self.ip("netns", "del", name)


def case_cut(draw, job):
    out, network, processes = job.new_out(), Network(), []
    try:
        environment = {**os.environ, "OF_JOB_TOKEN": "cut"}
        processes = [job.start(["--node", str(n), "--peers", "10.199.0.1:29400,10.199.0.2:29400", "--out", out],
                               network.inside(n), env=environment) for n in range(2)]
        job.await_steps(out, processes)
        a_while(draw, job)
        if any(p.poll() is not None for p in processes):
            return "it was done already"
        began = time.monotonic()
        network.cut()
        ends = End.of_all(processes)
    finally:
        for p in processes:
            p.kill()
        network.close()
    if all(p.returncode == 0 for p in processes):
        return "it was done already"
    causes = [e.line for e in ends]
    expect(all(p.returncode == 5 for p in processes), f"exit codes {[p.returncode for p in processes]}: {causes}")
    expect(all(causes[n].startswith(f"first cause: node n{1 - n} was lost") for n in range(2)), f"{causes}")
    return TIMES["cut"].add(began, ends)


def case_calm(draw, job):
    out, seconds = job.plan + ".calm", job.calm
    subprocess.run([job.tool("write-toy-plan"), out, job.hosts, "1", str(10 ** 9), "0"], check=True)
    spinners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(3 * os.cpu_count())]
    peers = ",".join(f"127.0.0.1:{port}" for port in free_ports(job.nodes))
    processes = [subprocess.Popen([job.tool("of-run"), out, "--node", str(n), "--peers", peers], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, text=True) for n in range(job.nodes)]
    try:
        ends = [End(p) for p in processes]
        ends[0].join(seconds)
        expect(all(p.poll() is None for p in processes), f"a false alarm: {[e.line for e in ends]}")
        processes[draw.randrange(job.nodes)].send_signal(signal.SIGTERM)
        for end in ends:
            end.join(60)
        expect([p.poll() for p in processes] == [75] * job.nodes, f"exit codes {[p.poll() for p in processes]}: {[e.line for e in ends]}")
    finally:
        for p in [*spinners, *processes]:
            p.kill()
            p.wait()
    return f"{seconds} s with {len(spinners)} spinners, no alarm; {ends[0].line}"


CASES = {"elastic": case_elastic, "cut": case_cut, "end": case_end, "kill": case_kill, "torn": case_torn, "lost": case_lost, "stop": case_stop, "full": case_full, "calm": case_calm}

FOR_TWO = {"cut", "elastic"}  # nodes


def is_well(name, run, draw, jobs):
    """Runs a case once and says how it went."""
    fit = [j for j in jobs if j.nodes == 2 or name not in FOR_TWO]
    job = fit[run % len(fit)]
    try:
        print(f"ok   {name} {run}: {CASES[name](draw, job)}", flush=True)
        return True
    except (Failure, subprocess.SubprocessError) as failure:
        print(f"FAIL {name} {run}: {failure}", flush=True)
        return False
    finally:
        job.end_all()


def summary():
    if KILLS:
        print(f"torn: {sum(KILLS)} kills in {len(KILLS)} runs")
    for name, times in TIMES.items():
        if times.told:
            print(f"{name}: {times}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--case", action="append", choices=list(CASES))
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--calm", type=int, default=3600)
    args = parser.parse_args()
    print(f"seed {args.seed}")
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        jobs = [Job(os.path.abspath(args.bin), folder, hosts, args.steps, args.steps // 5 + 1) for hosts in ("01", "00", "011")]
        for job in jobs:
            job.calm = args.calm
        try:
            # Case after case, so that one that is broken off has seen all of them.
            for run, name in itertools.product(range(args.runs), args.case or [c for c in CASES if c != "calm"]):
                failed += not is_well(name, run, random.Random(f"{args.seed} {name} {run}"), jobs)
        except KeyboardInterrupt:
            print("broken off", flush=True)
    summary()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
