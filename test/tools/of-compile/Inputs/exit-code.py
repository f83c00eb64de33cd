"""exit-code.py CODE COMMAND...: 0 if the command exits with CODE; passes its output on."""
import subprocess
import sys

code = subprocess.run(sys.argv[2:]).returncode
if code != int(sys.argv[1]):
    sys.exit(f"exit code {code}, not {sys.argv[1]}")
