# lit: every .mlir and .test file below test/ with RUN lines. Folders called Inputs hold files that
# tests read. Temporary files are %t (one name per test), so tests run side by side.
import os
import lit.formats

config.name = "of"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.of_build_root, "test")

config.environment["PATH"] = os.pathsep.join(
    [os.path.join(config.of_build_root, "bin"), config.of_llvm_bin, "/usr/bin", "/bin"])
# A check that fails shows the text it was run on.
config.environment["FILECHECK_OPTS"] = "--dump-input-filter=all --dump-input=fail"
config.environment["OPENBLAS_NUM_THREADS"] = "1"

config.substitutions.append(("%python", "/usr/bin/python3"))
config.substitutions.append(("%root", config.of_source_root))
config.substitutions.append(("%bin", os.path.join(config.of_build_root, "bin")))
config.substitutions.append(("%llvm", os.path.dirname(config.of_llvm_bin)))
