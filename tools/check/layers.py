"""check-layers: who may include whom.

   compiler: dialects, Config > Cost > Search > passes > Pipeline > tools
   runtime:  base > schema > {memory, device, kernel, transport, data, checkpoint} > actor > node

Includes are relative to the root, so a line names its layer. The two halves meet only in
runtime/base and runtime/schema. A library's headers appear only in the folder that wraps it.
"""
import os
import re
import sys

import tree

# A pass may use the ones before it. Codegen stands early: those after it ask it what can be fused.
PASSES = ["lib/Import", "lib/Train", "lib/Codegen", "lib/Distribute", "lib/Physical",
          "lib/Schedule", "lib/Export"]
BELOW_PASSES = ["dialects", "lib/Config", "lib/Cost", "lib/Search"]
SHARED = ["runtime/base", "runtime/schema"]
PARTS = ["runtime/memory", "runtime/device", "runtime/kernel", "runtime/transport", "runtime/data",
         "runtime/checkpoint"]
RUNTIME = SHARED + PARTS + ["runtime/actor", "runtime/node", "runtime/sim"]

# Folder -> folders it may include besides itself. The longest matching folder counts.
ALLOWED = {
    "dialects/Of": ["runtime/base"],
    "dialects/Task": ["dialects/Of"] + SHARED,
    "lib/Config": ["runtime/base"],
    "lib/Cost": ["dialects", "lib/Config", "runtime/base"],
    "lib/Search": ["dialects", "lib/Config", "lib/Cost"] + SHARED,
    **{name: BELOW_PASSES + SHARED + PASSES[:i] for i, name in enumerate(PASSES)},
    "lib/Pipeline": BELOW_PASSES + PASSES + SHARED,
    "runtime/base": [],
    "runtime/schema": ["runtime/base"],
    **{name: SHARED for name in PARTS},
    "runtime/device": SHARED + ["runtime/kernel"],  # a device runs kernels
    "runtime/transport": SHARED + ["runtime/memory"],  # processes of a host map it
    "runtime/actor": SHARED + PARTS,
    "runtime/node": SHARED + PARTS + ["runtime/actor"],
    "runtime/sim": SHARED + ["runtime/transport", "runtime/actor"],
    "tools": ["lib", "dialects"] + RUNTIME,
    "tools/of-run": RUNTIME,
    "test": ["lib", "dialects", "tools"] + RUNTIME,
    "benchmarks": ["lib", "dialects", "test"] + RUNTIME,
    "include": [],
    "cmake": [],
}

# Header, or folder of headers -> folders that may include it.
COMPILER = ["dialects", "lib", "cmake", "tools/of-opt", "tools/of-compile", "tools/of-plan",
            "tools/docs", "test", "benchmarks"]
LIBRARIES = {
    "mlir": COMPILER,
    "llvm": COMPILER,
    "lld": ["lib/Codegen"],
    "yaml-cpp": ["lib/Config"],
    "nlohmann": ["lib", "runtime/checkpoint", "runtime/node", "runtime/kernel", "tools", "test", "benchmarks"],
    "CLI": ["tools"],
    "fmt": ["lib", "runtime", "tools", "test", "benchmarks"],
    "flatbuffers": ["runtime/schema", "test/fuzz"],
    "xxhash.h": ["runtime/schema", "runtime/checkpoint"],
    "ucp": ["runtime/transport/ucx"],
    "ucs": ["runtime/transport/ucx"],
    "oneapi": ["runtime/kernel/cpu", "benchmarks/training-step"],
    "cblas.h": ["runtime/kernel/cpu"],
    "omp.h": ["runtime/kernel/cpu", "benchmarks/training-step"],
    "openssl": ["runtime/node/control"],
    "zlib.h": ["runtime/data", "test/data"],
    "sanitizer": ["test/fuzz"],
    "catch2": ["test"],
    "benchmark": ["benchmarks"],
    "tbb": ["benchmarks"],
    "mpi.h": ["benchmarks"],
}

# What the platform gives to everyone, beside the C++ library.
PLATFORM = {"sys", "netinet", "arpa", "linux", "unistd.h", "fcntl.h", "poll.h", "dlfcn.h",
            "netdb.h", "ifaddrs.h", "pthread.h", "sched.h", "signal.h", "elf.h", "immintrin.h", "x86intrin.h",
            "cpuid.h", "cxxabi.h", "errno.h", "math.h", "stdarg.h", "stdatomic.h", "stdint.h", "stddef.h",
            "stdlib.h", "stdio.h", "string.h", "time.h", "ucontext.h"}

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')
GENERATED = (".inc", "_generated.h")


def owner(folder, table):
    """The longest key of the table that is this folder or above it, or None."""
    while folder and folder not in table:
        folder = os.path.dirname(folder)
    return folder or None


def inside(folder, allowed):
    return any(folder == a or folder.startswith(a + "/") for a in allowed)


def checkOwn(root, folder, layer, target):
    where = os.path.dirname(target)
    if not where:
        return f'"{target}" does not name its folder; write the path from the root'
    if not target.endswith(GENERATED) and not os.path.exists(os.path.join(root, target)):
        return f'"{target}" is no file of the tree; write the path from the root'
    if not inside(where, ALLOWED[layer] + [layer]):
        return f'{layer} may not include {where}; it may include {", ".join(ALLOWED[layer]) or "nothing else"}'
    return None


def checkInclude(root, path, quote, target):
    folder = os.path.dirname(path)
    layer = owner(folder, ALLOWED)
    if layer is None:
        return f"{folder or path} is in no layer; add it to tools/check/layers.py"
    first = target.split("/")[0]
    if first in LIBRARIES:
        if inside(folder, LIBRARIES[first]):
            return None
        return f'<{target}> belongs to {", ".join(LIBRARIES[first])}; use what wraps it'
    if quote == '"':
        return checkOwn(root, folder, layer, target)
    if "." not in first and first == target or first in PLATFORM:
        return None
    return f"<{target}> is unknown; if it is a library, say in tools/check/layers.py who wraps it"


def check(root):
    for path in tree.files(root, (".h", ".cpp", ".c")):
        lines = tree.read(root, path).split("\n")
        isIncluded = not path.startswith("cmake/")  # a precompiled header is not included by name
        if path.endswith(".h") and isIncluded and "#pragma once" not in lines:
            yield f"{path}:1: a header needs #pragma once"
        for number, line in enumerate(lines, 1):
            match = INCLUDE.match(line)
            complaint = match and checkInclude(root, path, *match.groups())
            if complaint:
                yield f"{path}:{number}: {complaint}"


if __name__ == "__main__":
    tree.main(check, sys.argv)
