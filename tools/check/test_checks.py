"""Each check finds what was planted, and nothing in a good tree."""
import os
import re
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import format as formatCheck
import layers
import links
import readme


class Planted(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = self.folder.name
        self.write("README.md", "")
        self.write("runtime/base/Status.h", "#pragma once\n#include <string>\n")
        self.write("runtime/schema/Plan.h", '#pragma once\n#include "runtime/base/Status.h"\n')
        self.write("lib/Import/Import.cpp", '#include "runtime/base/Status.h"\n')
        self.write(".clang-format", "BasedOnStyle: LLVM\nColumnLimit: 100\n")

    def tearDown(self):
        self.folder.cleanup()

    def write(self, path, text):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)

    def expect(self, check, *patterns):
        found = list(check(self.root))
        self.assertEqual(len(found), len(patterns), found)
        for text, pattern in zip(found, patterns):
            self.assertRegex(text, pattern)


class Layers(Planted):
    def test_good(self):
        self.expect(layers.check)

    def plant(self, path, include, pattern):
        self.write(path, include + "\n")
        self.expect(layers.check, pattern)

    def test_upwards(self):
        self.plant("runtime/base/Bad.cpp", '#include "runtime/schema/Plan.h"',
                   r"Bad.cpp:1: runtime/base may not include runtime/schema")

    def test_between_halves(self):
        self.write("runtime/node/Node.h", "#pragma once\n")
        self.plant("lib/Import/Bad.cpp", '#include "runtime/node/Node.h"',
                   r"lib/Import may not include runtime/node")

    def test_later_pass(self):
        self.write("lib/Train/Train.h", "#pragma once\n")
        self.plant("lib/Import/Bad.cpp", '#include "lib/Train/Train.h"',
                   r"lib/Import may not include lib/Train")

    def test_compiler_in_runtime(self):
        self.plant("runtime/node/Bad.cpp", '#include "llvm/ADT/SmallVector.h"',
                   r"<llvm/ADT/SmallVector.h> belongs to")

    def test_compiler_in_of_run(self):
        self.write("dialects/Of/Of.h", "#pragma once\n")
        self.plant("tools/of-run/Bad.cpp", '#include "dialects/Of/Of.h"',
                   r"tools/of-run may not include dialects/Of")

    def test_library(self):
        self.plant("runtime/node/Bad.cpp", "#include <ucp/api/ucp.h>",
                   r"<ucp/api/ucp.h> belongs to runtime/transport/ucx")

    def test_unknown_library(self):
        self.plant("runtime/node/Bad.cpp", "#include <boost/any.hpp>", r"is unknown")

    def test_relative(self):
        self.plant("runtime/schema/Bad.cpp", '#include "Plan.h"', r"does not name its folder")
        self.plant("runtime/schema/Bad.cpp", '#include "../base/Status.h"', r"path from the root")

    def test_no_layer(self):
        self.plant("misc/Bad.cpp", "#include <string>", r"misc is in no layer")

    def test_pragma(self):
        self.plant("runtime/base/Bad.h", "", r"Bad.h:1: a header needs #pragma once")


class Readme(Planted):
    def test_good(self):
        for i in range(4):
            self.write(f"runtime/base/x86/File{i}.cpp", "")
            self.write(f"test/base/File{i}.cpp", "")
        self.write("runtime/base/README.md", "`x86/`\n")
        self.write("test/README.md", "| `base/` | values |\n")
        self.write("lib/Import/README.md", "[root](../../README.md) [part](../../README.md#x)\n")
        self.expect(readme.check)

    def test_missing(self):
        for i in range(4):
            self.write(f"lib/Train/File{i}.cpp", "")
            self.write(f"test/train/File{i}.cpp", "")
        self.write("test/README.md", "`data/`\n")
        self.expect(readme.check, r"lib/Train: 4 source files and no README.md",
                    r"test/train: 4 source files and no README.md")

    def test_link(self):
        self.write("lib/README.md", "see [this](Nowhere.md)\n")
        self.expect(readme.check, r"lib/README.md:1: the link to Nowhere.md leads nowhere")

    def test_machine_path(self):
        self.write("lib/a.cpp", "// in " + "/home" + "/somebody\n")
        self.expect(readme.check, r"lib/a.cpp:1: a path of some machine")


class Format(Planted):
    def test_good(self):
        self.expect(formatCheck.check)

    def test_bad(self):
        self.write("lib/Import/Bad.cpp", "int  f( ) { return 1 ; }\n")
        self.expect(formatCheck.check, r"lib/Import/Bad.cpp:1: clang-format-14 writes this")


class Links(unittest.TestCase):
    def test_light(self):
        self.assertEqual(list(links.check("/bin/true")), [])

    def test_heavy(self):
        found = list(links.check("/usr/lib/llvm-22/bin/opt"))
        self.assertTrue(any(re.search("loads libLLVM", text) for text in found), found)


if __name__ == "__main__":
    unittest.main()
