#include "lib/Distribute/FamilySearch.h"

#include "mlir/IR/Remarks.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace of {

/// Of one solution, for comparison only: where little memory forbids a family it takes all of it.
static constexpr uint64_t comparisonWork = searchWork / 50;

// ---- Why there is none

static std::string noOption(const DistNode &node) {
  std::string text;
  llvm::raw_string_ostream out(text);
  if (isa<ReadOp>(node.op))
    out << "its batch of " << cast<RankedTensorType>(node.results[0].getType()).getDimSize(0)
        << " rows does not split over all devices that it needs";
  else
    out << "'" << nameOf(node) << "' has no distribution of this kind";
  return text;
}

// What it would need, were there enough.
static std::string noMemory(const DistNetwork &restricted, int64_t limit) {
  std::string text;
  llvm::raw_string_ostream out(text);
  Searched free(restricted);
  SearchFailure why;
  FailureOr<ChoiceFigures> figures = failure();
  if (solveNetwork(std::nullopt, free, why, comparisonWork))
    figures = figuresOf(free.network, free.choice, free.levels);
  out << "does not fit: a device has " << limit << " bytes";
  if (succeeded(figures))
    out << ", its fastest form needs about " << figures->peakBytes;
  return text;
}

static std::string reasonOf(const DistNetwork &restricted, const SearchFailure &failure) {
  if (!failure.error.empty())
    return failure.error;
  if (failure.limit)
    return noMemory(restricted, *failure.limit);
  return failure.node ? noOption(restricted.nodes()[*failure.node])
                      : "no distribution of this kind meets all pins";
}

// ---- One family

std::optional<Searched> searchFamily(StringRef family, const DistNetwork &network,
                                     const Cluster &cluster, std::string &why, uint64_t work) {
  std::optional<Searched> best;
  if (network.nodes().empty())
    return best;
  why = "the mesh has one axis, it needs one for data and one for tensors";
  for (const AxisUses &uses : familyUses(family, network.nodes()[0].mesh)) {
    Searched found(restrictTo(network, uses));
    SearchFailure failure;
    const auto &nodes = found.network.nodes();
    const auto empty = llvm::find_if(nodes, [](const DistNode &n) { return n.options.empty(); });
    if (empty != nodes.end())
      why = noOption(*empty);
    else if (!solveNetwork(memoryLimit(network, cluster), found, failure, work))
      why = reasonOf(found.network, failure);
    else if (!best || found.isBetterThan(*best))
      best.emplace(std::move(found));
  }
  return best;
}

// ---- All of them

void FamilyComparison::add(const DistNetwork &network) {
  for (StringRef name : familyNames()) {
    Entry &entry = entries[name];
    std::string why;
    const std::optional<Searched> found = searchFamily(name, network, cluster, why, comparisonWork);
    const FailureOr<ChoiceFigures> figures =
        found ? figuresOf(found->network, found->choice, found->levels)
              : FailureOr<ChoiceFigures>(failure());
    if (failed(figures))
      entry.why = why;
    else if (entry.mesh.empty() || figures->seconds < entry.figures.seconds * (1 - 1e-9))
      entry = {*figures, shapeText(network.nodes()[0].mesh), ""};
  }
}

void FamilyComparison::addStages(const Searched &found, int64_t stages) {
  if (!pipeline.mesh.empty() && found.seconds >= pipeline.figures.seconds)
    return;
  FailureOr<ChoiceFigures> figures = figuresOf(found.network, found.choice, found.levels);
  if (failed(figures))
    return;
  figures->seconds = found.seconds; // stages work at the same time
  pipeline = {*figures, std::to_string(stages) + " stages", ""};
}

bool isExplained(ProgramOp program) { return program.getContext()->getRemarkEngine() != nullptr; }

static void remarkFamily(ProgramOp program, StringRef name, const ChoiceFigures &figures,
                         StringRef mesh, StringRef why) {
  auto out =
      remark::analysis(program.getLoc(), remark::RemarkOpts::name("Family").category("distribute"));
  out << remark::metric("Family", name);
  if (mesh.empty())
    out << remark::metric("Why", why);
  else
    out << remark::metric("Mesh", mesh) << remark::metric("Seconds", figures.seconds)
        << remark::metric("Bytes", figures.peakBytes)
        << remark::metric("Moved", figures.movedBytes);
}

void FamilyComparison::remark(ProgramOp program, const Searched &chosen) const {
  if (FailureOr<ChoiceFigures> figures = figuresOf(chosen.network, chosen.choice, chosen.levels);
      succeeded(figures)) {
    figures->seconds = chosen.seconds; // stages work at the same time
    remarkFamily(program, "chosen", *figures, shapeText(chosen.network.nodes()[0].mesh), "");
  }
  for (StringRef name : familyNames())
    if (auto it = entries.find(name); it != entries.end())
      remarkFamily(program, name, it->second.figures, it->second.mesh, it->second.why);
  remarkFamily(program, "pipeline", pipeline.figures, pipeline.mesh,
               "no cut into stages was promising");
}

} // namespace of
