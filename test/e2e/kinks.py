"""Gradients beside a jump: where two values of a pooling window, or a value and a relu's zero, are equal but for rounding.

Either side is right there, and rounding alone says which side a run takes. So gradients that are off by more than BOUND of
their norm must be within it of the reference's for parameters moved at random by a few units in the last place, at most 16:
a convolution of a test sums up to 144 products, each with its rounding.
"""
import json
import os
import random
import shutil
import struct

from tools import digest

BOUND = 1e-3
UNITS, DRAWS = (1, 2, 4, 8, 16), 8


def units_away(error):
    """The fewest units in the last place by which parameters move until gradients agree; None if no move tried is enough.

    `error`: (units, seed) -> how far the gradients in question are from the reference's for parameters moved so.
    """
    return next((units for units in UNITS for seed in range(DRAWS) if error(units, seed) <= BOUND), None)


def moved(floats, chance, units, size=4):
    """The bytes of values of `size` bytes, each moved by at most `units` in the last place; those nearer to zero stay."""
    code, size_mask = ("I", 0x7fffffff) if size == 4 else ("Q", 0x7fffffffffffffff)
    # Floats of one sign are ordered like their bits.
    bits = struct.unpack(f"<{len(floats) // size}{code}", floats)
    return struct.pack(f"<{len(bits)}{code}", *(b + chance.randint(-units, units) if b & size_mask > units else b for b in bits))


def nudge(state, out, names, seed, units):
    """Copies a checkpoint of one device to `out`; the fp32 values of `names` are moved."""
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(state, out)
    chance, digests = random.Random(seed), {}
    for file_name in sorted(os.listdir(out)):
        if not file_name.endswith(".safetensors"):
            continue
        with open(os.path.join(out, file_name), "r+b") as file:
            blob = bytearray(file.read())
            start = 8 + struct.unpack("<Q", blob[:8])[0]
            for key, entry in sorted(json.loads(blob[8:start]).items()):
                if key not in names:
                    continue
                begin, end = (start + offset for offset in entry["data_offsets"])
                blob[begin:end] = moved(blob[begin:end], chance, units)
                digests[key] = digest(blob[begin:end])
            file.seek(0)
            file.write(blob)
    path = os.path.join(out, "manifest.json")
    with open(path) as file:
        manifest = json.load(file)
    for part in manifest["parts"]:
        part["digest"] = digests.get(part["tensor"], part["digest"])
    with open(path, "w") as file:
        json.dump(manifest, file)
    return out
