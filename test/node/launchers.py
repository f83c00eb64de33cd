#!/usr/bin/env python3
"""of-run started by real launchers: Open MPI's mpirun, and Slurm's srun with a slurmctld and a slurmd of our own.

  launchers.py --bin build/bin [--case mpirun|srun]

Needs the packages openmpi-bin, slurm-wlm and munge, and root for Slurm: by hand. Each launcher starts the two processes of a toy
plan, whose losses must have the bits of a run with --local, and the line that says what was detected must name it.
"""
import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from ports import free_ports  # noqa: E402


def losses(out):
    with open(os.path.join(out, "metrics.jsonl")) as file:
        return [(r["step"], r["loss"]) for r in map(json.loads, file)]


def run(*words, **more):
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, **more)
    if done.returncode:
        sys.exit(f"{' '.join(words)}\nexit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def mpirun(command, folder):
    return run("mpirun", "--allow-run-as-root", "--oversubscribe", "-n", "2", *command)


class Slurm:
    """A cluster of one node, this machine, with everything below a folder."""

    def __init__(self, folder):
        self.folder, self.daemons = folder, []
        self.environment = {**os.environ, "SLURM_CONF": os.path.join(folder, "slurm.conf")}
        name = socket.gethostname().split(".")[0]
        self.key, self.socket = os.path.join(folder, "munge.key"), os.path.join(folder, "munge.socket")
        with open(self.key, "wb") as file:
            file.write(os.urandom(128))
        os.chmod(self.key, 0o400)
        with open(self.environment["SLURM_CONF"], "w") as file:
            file.write("\n".join([
                "ClusterName=test", f"SlurmctldHost={name}(127.0.0.1)", f"SlurmctldPort={free_ports(1)[0]}", f"SlurmdPort={free_ports(1)[0]}",
                "AuthType=auth/munge", f"AuthInfo=socket={self.socket}", "SlurmUser=root", "ProctrackType=proctrack/linuxproc",
                "TaskPlugin=task/none", "SelectType=select/cons_tres", "SelectTypeParameters=CR_CPU", "ReturnToService=2",
                "MpiDefault=none", f"StateSaveLocation={folder}/state", f"SlurmdSpoolDir={folder}/spool",
                f"SlurmctldPidFile={folder}/ctld.pid", f"SlurmdPidFile={folder}/d.pid",
                f"SlurmctldLogFile={folder}/ctld.log", f"SlurmdLogFile={folder}/d.log",
                f"NodeName={name} NodeAddr=127.0.0.1 CPUs={os.cpu_count()} State=UNKNOWN",
                f"PartitionName=all Nodes={name} Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:4", ""]))
        os.makedirs(folder + "/state")
        os.makedirs(folder + "/spool")

    def __enter__(self):
        for words in (["munged", "-F", f"--key-file={self.key}", f"--socket={self.socket}", f"--pid-file={self.folder}/munge.pid",
                       f"--log-file={self.folder}/munge.log", f"--seed-file={self.folder}/munge.seed", "--force"],
                      ["slurmctld", "-D", "-i"], ["slurmd", "-D"]):
            program = shutil.which(words[0]) or "/usr/sbin/" + words[0]
            self.daemons.append(subprocess.Popen([program, *words[1:]], env=self.environment, stdout=subprocess.DEVNULL,
                                                 stderr=subprocess.DEVNULL))
            time.sleep(1)
        deadline = time.time() + 60
        while "idle" not in subprocess.run(["sinfo", "-h", "-o", "%T"], env=self.environment, capture_output=True, text=True).stdout:
            if time.time() > deadline:
                logs = "".join(open(f"{self.folder}/{n}").read()[-3000:] for n in ("ctld.log", "d.log") if
                               os.path.exists(f"{self.folder}/{n}"))
                sys.exit("Slurm did not come up\n" + logs)
            time.sleep(0.2)
        return self

    def __exit__(self, *_):
        time.sleep(2)  # what ran the job's processes still reports their end, and would wait long for who is gone
        for daemon in reversed(self.daemons):
            daemon.terminate()
            daemon.wait()


def srun(command, folder):
    with tempfile.TemporaryDirectory() as state, Slurm(state) as slurm:
        return run("srun", "--label", "-n", "2", "--overcommit", *command, env=slurm.environment)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--case", choices=["mpirun", "srun"], action="append")
    args = parser.parse_args()
    of_run = os.path.join(os.path.abspath(args.bin), "of-run")
    with tempfile.TemporaryDirectory() as folder:
        plan = os.path.join(folder, "toy.plan")
        run(os.path.join(os.path.abspath(args.bin), "write-toy-plan"), plan, "00", "1", "50", "0")
        run(of_run, plan, "--local", "--out", os.path.join(folder, "local"))
        for name, launcher, detected in (("mpirun", mpirun, "by Open MPI"), ("srun", srun, "by Slurm")):
            if args.case and name not in args.case:
                continue
            out = os.path.join(folder, name)
            began = time.time()
            output = launcher([of_run, plan, "--out", out, "--port", str(free_ports(1)[0])], folder)
            if f"node 1 of 2 {detected}, node 0 at 127.0.0.1:" not in output:
                sys.exit(f"{name}: nothing says what was detected\n{output}")
            if losses(out) != losses(os.path.join(folder, "local")):
                sys.exit(f"{name}: other losses than with --local")
            print(f"ok   {name}: {time.time() - began:.1f} s")


if __name__ == "__main__":
    main()
