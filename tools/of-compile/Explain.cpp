#include "tools/of-compile/Explain.h"

#include "dialects/Task/Task.h"
#include "lib/Export/PlanTables.h"

#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace of {

namespace {

class Explainer : public remark::detail::MLIRRemarkStreamerBase {
public:
  Explainer(llvm::raw_ostream &out, bool onlyAnswers) : out(out), onlyAnswers(onlyAnswers) {}

  void streamOptimizationRemark(const remark::detail::Remark &remark) override {
    if (remark.getRemarkName() == "WhatIf")
      return printWhatIf(remark);
    if (onlyAnswers)
      return;
    if (remark.getRemarkName() == "Search")
      return printSearch(remark);
    if (remark.getRemarkName() == "Family")
      return printFamily(remark);
    if (remark.getRemarkName() == "Stages")
      return printStages(remark);
    if (remark.getRemarkName() == "Recompute")
      return printRecompute(remark);
    if (remark.getRemarkName() == "Kept")
      return printKept(remark);
    if (remark.getRemarkName() == "Offload")
      return printOffload(remark);
    std::string source = sourceOf(remark.getLocation());
    out << (source.empty() ? "derived" : source) << ": " << find(remark, "Op") << " on "
        << find(remark, "Mesh") << "\n  chosen  " << find(remark, "Chosen") << ", "
        << find(remark, "Cost") << "\n";
    for (const auto &arg : remark.getArgs())
      if (arg.key == "Other")
        out << "  other   " << arg.val << "\n";
  }

private:
  void printStages(const remark::detail::Remark &remark) {
    llvm::StringRef seconds = find(remark, "Seconds");
    out << "stages " << find(remark, "Stages") << " (" << find(remark, "Begin") << "): ";
    llvm::StringRef estimate = find(remark, "Estimate");
    if (seconds != "?")
      out << seconds << " s per step" << (estimate != "?" ? ", " : "");
    else if (estimate == "?")
      out << "does not fit";
    if (estimate != "?")
      out << "estimated " << estimate << " s";
    out << "\n";
  }

  void printRecompute(const remark::detail::Remark &remark) {
    out << "computed again for the backward pass: of " << find(remark, "Blocks") << " blocks "
        << find(remark, "full") << " in full and " << find(remark, "selective") << " selectively, "
        << find(remark, "Ops") << " ops\n";
    if (find(remark, "host") != "0")
      out << "kept on the host for the backward pass: " << find(remark, "host") << " blocks\n";
  }

  void printKept(const remark::detail::Remark &remark) {
    out << "of what does not stay on the device: computed again in full it takes "
        << find(remark, "Again") << " s of a step; ";
    if (find(remark, "Copies") == "?")
      out << "no path to the host is offered\n";
    else
      out << "copied to the host and back " << find(remark, "Copies") << " s, by which a step is "
          << find(remark, "Longer") << " s longer, as other work goes on beside\n";
  }

  void printOffload(const remark::detail::Remark &remark) {
    out << "copied to the host and back: " << find(remark, "Values") << " values, "
        << find(remark, "Bytes") << " bytes of a device in each micro-batch\n";
  }

  void printSearch(const remark::detail::Remark &remark) {
    out << "searched mesh {" << find(remark, "Mesh") << "}: " << find(remark, "Seconds")
        << " s per step, at least " << find(remark, "LowerBound") << " s";
    if (find(remark, "Bytes") != "0")
      out << ", about " << find(remark, "Bytes") << " bytes of a device";
    out << "\n";
  }

  void printWhatIf(const remark::detail::Remark &remark) {
    out << "what if " << find(remark, "Asked") << ", chosen is " << find(remark, "Chosen")
        << "\n  ";
    if (find(remark, "Why") != "?") {
      out << find(remark, "Why") << "\n";
      return;
    }
    out << find(remark, "Seconds") << " s per step, " << find(remark, "More") << " % more, about "
        << find(remark, "Bytes") << " bytes of a device, " << find(remark, "Moved")
        << " bytes moved\n";
    for (const auto &arg : remark.getArgs())
      if (arg.key == "Flip")
        out << "  " << arg.val << "\n";
  }

  void printFamily(const remark::detail::Remark &remark) {
    out << llvm::formatv("{0,-10}", find(remark, "Family"));
    if (find(remark, "Mesh") == "?")
      out << find(remark, "Why") << "\n";
    else
      out << find(remark, "Seconds") << " s per step, about " << find(remark, "Bytes")
          << " bytes of a device, " << find(remark, "Moved") << " bytes moved, mesh {"
          << find(remark, "Mesh") << "}\n";
  }

  static llvm::StringRef find(const remark::detail::Remark &remark, llvm::StringRef key) {
    for (const auto &arg : remark.getArgs())
      if (arg.key == key)
        return arg.val;
    return "?";
  }

  llvm::raw_ostream &out;
  const bool onlyAnswers;
};

} // namespace

LogicalResult explainTo(MLIRContext &context, llvm::raw_ostream &out, bool onlyAnswers) {
  remark::RemarkCategories categories;
  categories.analysis = "distribute";
  return remark::enableOptimizationRemarks(context, std::make_unique<Explainer>(out, onlyAnswers),
                                           std::make_unique<remark::RemarkEmittingPolicyAll>(),
                                           categories);
}

void explainMemory(ModuleOp module, llvm::raw_ostream &out) {
  auto chunks = module->getAttrOfType<DictionaryAttr>(task::TaskDialect::chunksAttrName);
  auto groups = module->getAttrOfType<DictionaryAttr>(task::TaskDialect::groupsAttrName);
  auto hosts = module->getAttrOfType<DictionaryAttr>(task::TaskDialect::hostChunksAttrName);
  for (NamedAttribute chunk : chunks) {
    const size_t devices = cast<DenseI64ArrayAttr>(groups.get(chunk.getName())).size();
    out << "memory of " << (devices == 1 ? "the device" : "each device") << " of mesh "
        << chunk.getName().getValue() << ": " << cast<IntegerAttr>(chunk.getValue()).getInt()
        << " bytes";
    if (auto onHost = hosts ? hosts.getAs<IntegerAttr>(chunk.getName()) : IntegerAttr())
      out << ", and " << onHost.getInt() << " on its host";
    out << "\n";
  }
}

} // namespace of
