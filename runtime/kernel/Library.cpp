#include "runtime/kernel/Library.h"

#include "runtime/kernel/cpu/Blas.h"
#include "runtime/kernel/cpu/Conv.h"
#include "runtime/kernel/cpu/Matmul.h"
#include "runtime/kernel/cpu/Rows.h"

#include <fmt/format.h>

namespace of::rt {

using kernel::Spec;

namespace {

/// One routine: its name and what the folder's interface asks of it.
struct Entry {
  std::string_view name;
  Result<std::unique_ptr<Routine>> (*make)(const Spec &, int64_t tiles,
                                           const std::vector<size_t> &bufferBytes);
  Result<size_t> (*scratchBytes)(const Spec &, int64_t tiles);
  int64_t (*maxTiles)(const Spec &);
  size_t scalars = 0;
};

Result<size_t> noScratch(const Spec &, int64_t) { return size_t(0); }

constexpr Entry entries[] = {
    {"matmul", kernel::makeMatmul, noScratch, kernel::matmulTiles},
    {"conv2d_forward", kernel::makeConv, kernel::convScratchBytes, kernel::convTiles},
    {"conv2d_backward_data", kernel::makeConv, kernel::convScratchBytes, kernel::convTiles},
    {"conv2d_backward_weights", kernel::makeConv, kernel::convScratchBytes, kernel::convTiles},
    {"gather_rows", kernel::makeGatherRows, noScratch, kernel::gatherRowsTiles, 1},
    {"scatter_add_rows", kernel::makeScatterAddRows, noScratch, kernel::scatterAddRowsTiles, 1},
};

const Entry *find(const std::string &name) {
  for (const Entry &entry : entries)
    if (entry.name == name)
      return &entry;
  return nullptr;
}

Status unknown(const std::string &name) {
  std::string known;
  for (const Entry &entry : entries)
    known += fmt::format("{}{}", known.empty() ? "" : ", ", entry.name);
  return Status(Code::InvalidArgument,
                fmt::format("there is no library routine '{}' (known: {}); the plan comes from "
                            "another version of the compiler",
                            name, known));
}

Status checkTiles(const Spec &spec, int64_t tiles) {
  return tiles >= 1 ? Status::ok()
                    : kernel::malformed(spec, fmt::format("has {} tiles, under 1", tiles));
}

} // namespace

Routine::~Routine() = default;

Result<std::unique_ptr<Routine>> makeRoutine(const plan::Library &library, int64_t tiles,
                                             const std::vector<size_t> &bufferBytes) {
  const Spec spec = kernel::specOf(library);
  const Entry *entry = find(spec.name);
  if (!entry)
    return unknown(spec.name);
  OF_TRY(checkTiles(spec, tiles));
  return entry->make(spec, tiles, bufferBytes);
}

Result<size_t> scratchBytes(const plan::Library &library, int64_t tiles) {
  const Spec spec = kernel::specOf(library);
  const Entry *entry = find(spec.name);
  if (!entry)
    return unknown(spec.name);
  OF_TRY(checkTiles(spec, tiles));
  return entry->scratchBytes(spec, tiles);
}

size_t scalarsOf(const plan::Library &library) {
  const Entry *entry = find(library.name()->str());
  return entry ? entry->scalars : 0;
}

int64_t maxTiles(const plan::Library &library) {
  const Spec spec = kernel::specOf(library);
  const Entry *entry = find(spec.name);
  return entry ? entry->maxTiles(spec) : 1;
}

std::vector<std::pair<std::string, std::string>> libraryVersions() {
  return {{"onednn", kernel::dnnlVersion()}, {"openblas", kernel::blasVersion()}};
}

} // namespace of::rt
