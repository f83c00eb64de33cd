#include "tools/of-run/Probe.h"

#include "runtime/base/DType.h"
#include "runtime/kernel/Library.h"

#include <fmt/format.h>
#include <iostream>
#include <nlohmann/json.hpp>

namespace of::run {

namespace {

/// A library call as a plan would hold it.
class LibraryCall {
public:
  explicit LibraryCall(const plan::LibraryT &call) {
    builder_.Finish(plan::Library::Pack(builder_, &call));
    table_ = flatbuffers::GetRoot<plan::Library>(builder_.GetBufferPointer());
  }
  const plan::Library &operator*() const { return *table_; }

private:
  flatbuffers::FlatBufferBuilder builder_;
  const plan::Library *table_;
};

} // namespace

Status probeScratch(std::istream &in, std::ostream &out) {
  const nlohmann::json calls = nlohmann::json::parse(in, nullptr, false);
  if (!calls.is_array())
    return Status(Code::InvalidArgument, "stdin holds no JSON list of library calls");
  nlohmann::json answer = nlohmann::json::array();
  for (size_t i = 0; i < calls.size(); ++i) {
    const nlohmann::json &entry = calls[i];
    plan::LibraryT call;
    int64_t tiles = 1;
    try {
      call.name = entry.at("name").get<std::string>();
      const std::string dtype = entry.value("dtype", "f32");
      bool known = false;
      for (uint8_t d = 0; d <= static_cast<uint8_t>(DType::Bool); ++d)
        if (nameOf(static_cast<DType>(d)) == dtype) {
          call.dtype = static_cast<plan::DType>(d);
          known = true;
        }
      if (!known)
        return Status(Code::InvalidArgument, fmt::format("call {}: '{}' is no dtype", i, dtype));
      call.ints = entry.value("ints", std::vector<int64_t>());
      call.floats = entry.value("floats", std::vector<double>());
      tiles = entry.value("tiles", int64_t(1));
    } catch (const nlohmann::json::exception &error) {
      return Status(Code::InvalidArgument, fmt::format("call {}: {}", i, error.what()));
    }
    const LibraryCall library(call);
    auto bytes = rt::scratchBytes(*library, tiles);
    if (!bytes.isOk())
      return bytes.status().withContext(fmt::format("call {}", i));
    answer.push_back(*bytes);
  }
  nlohmann::json versions = nlohmann::json::object();
  for (const auto &[name, version] : rt::libraryVersions())
    versions[name] = version;
  out << nlohmann::json{{"scratch", answer}, {"libraries", versions}}.dump() << "\n";
  return Status::ok();
}

} // namespace of::run
