#!/usr/bin/env python3
"""The Debian packages work where nothing is installed but what they say they need.

  packages.py --build build [--keep FOLDER]

cpack makes them from a finished build. For each a root is filled with the files of the packages that its Depends names, and of
those that they name in turn, as they are installed on this machine, and with the package itself; in that root its programs must
find every library and do their work: the compiler plans an example for two nodes, the runtime trains it. The runtime's root must
hold nothing of LLVM. The negative twin leaves one dependency out and must fail. Minutes and 1 GB of disk, so by hand; needs
the right to chroot.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PROGRAMS = {"oneflow-runtime": ["of-run", "of-plan"], "oneflow-compiler": ["of-compile", "of-opt"]}
LOADER = "/lib64/ld-linux-x86-64.so.2"


class Failure(Exception):
    pass


def run(*words, **more):
    done = subprocess.run(words, capture_output=True, text=True, **more)
    if done.returncode:
        raise Failure(f"{' '.join(words)}\nexit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def make_packages(build, folder):
    """By name. cpack works below `folder`, so that the build stays as it is."""
    run("cpack", "--config", os.path.join(os.path.abspath(build), "CPackConfig.cmake"), "-B", folder, cwd=folder)
    files = [os.path.join(folder, f) for f in os.listdir(folder) if f.endswith(".deb")]
    return {run("dpkg-deb", "--field", f, "Package").strip(): f for f in files}


class Installed:
    """The packages of this machine: what they need, and which files are theirs."""

    def __init__(self):
        self.depends, self.providers = {}, {}
        text = run("dpkg-query", "-W", "-f", "${Package}\t${Status}\t${Depends}, ${Pre-Depends}\t${Provides}\n")
        for line in text.splitlines():
            name, status, depends, provides = line.split("\t")
            if not status.endswith("ok installed"):
                continue
            self.depends[name] = depends
            for provided in [name, *self.names(provides)]:
                self.providers.setdefault(provided, name)

    @staticmethod
    def names(text):
        """Of the first alternative each: `libc6 (>= 2.36), a:any | b`."""
        return [re.split(r"[ (:]", part.strip())[0] for part in text.split(",") if part.strip()]

    def closure(self, text):
        """All that a Depends field leads to, its alternatives as this machine has chosen."""
        todo, found = [text], []
        while todo:
            for group in filter(str.strip, todo.pop().split(",")):
                choices = [self.providers[n] for n in self.names(group.replace("|", ",")) if n in self.providers]
                if not choices:
                    raise Failure(f"this machine has none of '{group.strip()}', which is needed")
                if choices[0] not in found:
                    found.append(choices[0])
                    todo.append(self.depends[choices[0]])
        return sorted(found)

    @staticmethod
    def copy(package, root):
        for path in run("dpkg-query", "-L", package).splitlines():
            if not path.startswith("/") or path.startswith(("/usr/share/doc", "/usr/share/man", "/usr/share/locale")):
                continue
            target = root + path
            if os.path.isdir(path) and not os.path.islink(path):
                os.makedirs(target, exist_ok=True)
            elif os.path.lexists(path) and not os.path.lexists(target):
                os.makedirs(os.path.dirname(target), exist_ok=True)
                shutil.copy2(path, target, follow_symlinks=False)


def merge_usr(root):
    """/lib and the like are links into /usr, as Debian has them."""
    for name in ("bin", "lib", "lib64", "sbin"):
        os.makedirs(f"{root}/usr/{name}", exist_ok=True)
        os.symlink(f"usr/{name}", f"{root}/{name}")


def copy_alternatives(root):
    """Links that postinst scripts make, where what they lead to is there."""
    for name in os.listdir("/etc/alternatives"):
        link = os.path.join("/etc/alternatives", name)
        if os.path.islink(link) and os.path.exists(root + os.readlink(link)):
            os.makedirs(root + "/etc/alternatives", exist_ok=True)
            shutil.copy2(link, root + link, follow_symlinks=False)
    for folder in ("/usr/lib/x86_64-linux-gnu", "/usr/bin"):
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            if os.path.islink(path) and os.readlink(path).startswith("/etc/alternatives/") and \
                    os.path.lexists(root + os.readlink(path)) and os.path.isdir(root + folder) and not os.path.lexists(root + path):
                shutil.copy2(path, root + path, follow_symlinks=False)


class Root:
    """A folder that has become the root of a machine with few packages."""

    def __init__(self, folder, packages, debs):
        self.folder = folder
        os.makedirs(folder)
        merge_usr(folder)
        for package in packages:
            Installed.copy(package, folder)
        copy_alternatives(folder)
        for deb in debs:
            run("dpkg-deb", "--extract", deb, folder + "/deb")
        if debs:
            run("cp", "-a", folder + "/deb/.", folder)
            shutil.rmtree(folder + "/deb")
        for name in ("proc", "dev", "tmp", "job", "etc"):
            os.makedirs(f"{folder}/{name}", exist_ok=True)
        run("/sbin/ldconfig", "-r", folder)

    def run(self, *words):
        """With /proc and /dev of its own, without a network but loopback."""
        script = 'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && mount -t tmpfs shm "$0/tmp" && ip link set lo up && exec chroot "$0" "$@"'
        return run("unshare", "--mount", "--pid", "--net", "--fork", "sh", "-c", script, self.folder, *words,
                   env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/job"})

    def missing_libraries(self, program):
        listing = subprocess.run(["chroot", self.folder, LOADER, "--list", f"/usr/bin/{program}"], capture_output=True, text=True)
        missing = re.findall(r"(\S+) => not found", listing.stdout) + re.findall(r"(\S+): cannot open shared object", listing.stderr)
        if listing.returncode and not missing:
            raise Failure(f"{program}: {listing.stderr}")
        return missing

    def holds(self, pattern):
        return [os.path.join(f, n) for f, _, names in os.walk(self.folder + "/usr") for n in names if re.search(pattern, n)]


def copy_example(folder):
    source = os.path.join(ROOT, "examples", "mlp")
    for name in os.listdir(source):
        if os.path.isfile(os.path.join(source, name)):
            shutil.copy(os.path.join(source, name), folder)


def check_programs(root, package, said):
    for program in PROGRAMS[package]:
        missing = root.missing_libraries(program)
        if missing:
            raise Failure(f"{program} does not find {', '.join(missing)}; {package} should depend on what has them")
        said.append(root.run(program, "--version").strip().splitlines()[0])
        if not os.path.exists(f"{root.folder}/usr/share/man/man1/{program}.1.gz"):
            raise Failure(f"{package} has no man page of {program}")


def depends_of(name, ours):
    """What a package of ours needs of others, and which of ours: itself and those that it names."""
    fields, debs = [], [name]
    for package in debs:
        groups = run("dpkg-deb", "--field", ours[package], "Depends").split(",")
        named = [Installed.names(g)[0] for g in groups]
        debs += [n for n in named if n in ours and n not in debs]
        fields += [g for g, n in zip(groups, named) if n not in ours]
    return ",".join(fields), [ours[n] for n in debs]


def check(name, ours, installed, folder, job, data):
    depends, debs = depends_of(name, ours)
    packages = installed.closure(depends)
    root, said = Root(os.path.join(folder, name), packages, debs), []
    check_programs(root, name, said)
    if name == "oneflow-compiler":
        copy_example(root.folder + "/job")
        root.run("of-compile", "/job/job.yaml", "--cluster", "/job/cluster-2.yaml", "-o", "/job/job.plan")
        shutil.copy(root.folder + "/job/job.plan", job)
    else:
        llvm = root.holds(r"(?i)llvm|mlir")
        if llvm:
            raise Failure(f"with {name} comes LLVM: {llvm[:3]}")
        shutil.copy(job, root.folder + "/job")
        shutil.copytree(data, root.folder + "/data")
        root.run("of-plan", "verify", "/job/job.plan")
        root.run("of-run", "/job/job.plan", "--local", "--data", "/data", "--steps", "20", "--out", "/job/out")
        with open(root.folder + "/job/out/metrics.jsonl") as file:
            steps = sum('"train"' in line for line in file)
        said.append(f"trained {steps} steps")
    # The negative twin: without the library package that it names first this must be noticed.
    first = next(p for p in installed.names(depends) if p.startswith("lib") and p not in ("libc6", "libstdc++6", "libgcc-s1"))
    without = Root(os.path.join(folder, name + "-without"), [p for p in packages if p != installed.providers[first]], debs)
    if not any(without.missing_libraries(p) for p in PROGRAMS[name]):
        raise Failure(f"without {first} nothing is missed: this test sees nothing")
    print(f"ok   {name}: {os.path.getsize(ours[name]) / 1e6:.1f} MB, {len(packages)} packages with it; {'; '.join(said)}; without {first} "
          "it misses libraries")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist")
    parser.add_argument("--keep", help="Copy the packages there")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(folder + "/debs")
        try:
            packages = make_packages(args.build, folder + "/debs")
            if set(packages) != set(PROGRAMS):
                raise Failure(f"cpack made {sorted(packages)}, expected {sorted(PROGRAMS)}")
            installed = Installed()
            for name in ("oneflow-compiler", "oneflow-runtime"):  # the runtime trains what the compiler has planned
                check(name, packages, installed, folder, folder + "/job.plan", args.data)
        except Failure as failure:
            sys.exit(f"FAIL {failure}")
        for deb in packages.values() if args.keep else []:
            shutil.copy(deb, args.keep)


if __name__ == "__main__":
    main()
