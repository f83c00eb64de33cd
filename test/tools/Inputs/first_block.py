"""Prints the commands of a README's first code block, without comments."""
import re
import sys

text = open(sys.argv[1], encoding="utf-8").read()
for line in re.search(r"```[a-z]*\n(.*?)```", text, re.DOTALL).group(1).splitlines():
    print(line.split("#")[0].strip())
