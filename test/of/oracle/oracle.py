"""Writes the cases of the given families as JSON: oracle.py <seed> <output> <family>..."""
import importlib
import json
import sys

import torch

import cases

torch.set_num_threads(1)
cases.RANDOM.manual_seed(int(sys.argv[1]))
for family in sys.argv[3:]:
    importlib.import_module(family)
with open(sys.argv[2], "w") as out:
    json.dump([cases.run(entry) for entry in cases.CASES], out)
