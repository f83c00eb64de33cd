// What of-compile does once its flags are known.
#pragma once

#include "lib/Pipeline/Rungs.h"

#include <string>

namespace of {

struct CompileOptions {
  std::string input;   ///< job.yaml, an ONNX model, or a module that an earlier run printed (.mlir)
  std::string job;     ///< for an ONNX model
  std::string cluster; ///< for a job
  std::string model;   ///< instead of the job's
  std::string output = "job.plan";
  Rung to = Rung::Export;
  std::vector<std::string> freeze; ///< patterns, beside the job's
  std::string dumpDir;             ///< one file per rung, if not empty
  std::vector<std::string> whatIf; ///< "value=S(0)"; answered with the explanation
  std::string profile;             ///< what a run has measured, if not empty
  std::string annotations;         ///< choices that are given, if not empty
  std::string emitAnnotations;     ///< where the choices go, if not empty
  bool explain = false;            ///< the choices of the distribute rung, on stdout
  bool forwardOnly = false;        ///< leave out what the job says about training
  bool threads = true;             ///< passes may work on all cores; the result is the same
};

/// 0, or 2 after errors on stderr. Nothing is left at `output` on failure.
int compile(const CompileOptions &options);

} // namespace of
