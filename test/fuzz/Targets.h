// Readers of what comes from outside, each as a function over bytes.
//
//   bytes ─▶ target ─▶ "" it was taken, or the error that a user would read
//
// libFuzzer (LibFuzzer.cpp) looks for bytes that break one under sanitizers; Replay.cpp gives each
// of them the inputs that once did, in any build. A target keeps no state that changes what it says
// about the next input.
#pragma once

#include "runtime/base/Status.h"

#include <string>
#include <string_view>

namespace of::fuzz {

using Target = std::string (*)(std::string_view input);

// Plan.cpp: the buffer of a plan, under a correct digest.
std::string planFile(std::string_view input);
// Config.cpp: job.yaml.
std::string job(std::string_view input);
// Control.cpp: what a stranger says first; what a peer writes to the control socket.
std::string hello(std::string_view input);
std::string control(std::string_view input);
// Messages.cpp: messages and answers of a transport, into router and machines.
std::string messages(std::string_view input);
// Data.cpp: a byte that names the format and the type it is read as, then the file.
std::string data(std::string_view input);
// Weights.cpp: a safetensors file; the manifest of a checkpoint; an ONNX model that gets a
// checkpoint's values.
std::string safetensors(std::string_view input);
std::string manifest(std::string_view input);
std::string onnxExport(std::string_view input);
// Tables.cpp: a byte that names the format (buffers as CSV, cost network, choice), then the file.
std::string tables(std::string_view input);
// Cluster.cpp: cluster.yaml; what a run has measured.
std::string cluster(std::string_view input);
std::string profile(std::string_view input);
// OnnxFile.cpp: the messages and tensors of an ONNX file.
std::string onnxMessages(std::string_view input);
// Models.cpp: the import of one; the text of a model.
std::string onnxImport(std::string_view input);
std::string text(std::string_view input);

inline std::string messageOf(const Status &status) {
  return status.isOk() || !status.message().empty() ? status.message() : "an error without a word";
}

} // namespace of::fuzz
