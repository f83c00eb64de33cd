"""Writes the cases of the given families as JSON: oracle.py <seed> <output> <family>..."""
import cases

cases.write(cases.run, cases.CASES)
