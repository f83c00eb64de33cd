"""Writes the cases of the given families as JSON: oracle.py <seed> <output> <family>..."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
# Behind this folder, whose families have names that are there, too.
sys.path[1:1] = [os.path.join(HERE, "..", "..", "of", "oracle"), os.path.join(HERE, "..", "Inputs")]
import cases  # noqa: E402
import graphs  # noqa: E402

cases.write(graphs.run, graphs.CASES)
