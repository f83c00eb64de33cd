"""Writes the cases of the given families as JSON: oracle.py <seed> <output> <family>..."""
import importlib
import json
import os
import sys

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
# Behind this folder, whose families have names that are there, too.
sys.path[1:1] = [os.path.join(HERE, "..", "..", "of", "oracle"), os.path.join(HERE, "..", "Inputs")]
import cases  # noqa: E402
import graphs  # noqa: E402

torch.set_num_threads(1)
cases.RANDOM.manual_seed(int(sys.argv[1]))
for family in sys.argv[3:]:
    importlib.import_module(family)
with open(sys.argv[2], "w") as out:
    json.dump([graphs.run(entry) for entry in graphs.CASES], out)
