#include "lib/Distribute/WhatIf.h"

#include "lib/Config/Schema.h"
#include "lib/Distribute/Annotations.h"
#include "lib/Distribute/Figures.h"

#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <set>

using namespace mlir;

namespace of {

/// Bandwidths are scaled by this at most, either way.
static constexpr double mostScale = 1024;

namespace {

struct Question {
  std::string text;
  size_t node = 0;
  NdSbp wanted;
};

} // namespace

static const NdSbp &seenAs(const DistOption &option) {
  return option.results.empty() ? option.operands[0] : option.results[0];
}

static DistNetwork holding(const DistNetwork &network, size_t held, const NdSbp &sbp) {
  size_t next = 0;
  return network.with([&](DistNode &node) {
    if (next++ == held)
      llvm::erase_if(node.options.edit(), [&](const DistOption &o) { return seenAs(o) != sbp; });
  });
}

// ---- Questions

static FailureOr<Question> parse(ProgramOp program, const std::string &text,
                                 const DistNetwork &network, ArrayRef<std::string> keys) {
  auto [name, sbps] = StringRef(text).rsplit('=');
  Question out{text, 0, {}};
  SmallVector<StringRef> parts;
  sbps.split(parts, ',', -1, false);
  for (StringRef part : parts) {
    std::optional<Sbp> sbp = parseSbp(part.trim());
    if (!sbp)
      return emitError(program.getLoc(), "what if '")
             << text << "': " << part << " is no S(dim), B or P; ask 'value=S(0)'";
    out.wanted.push_back(*sbp);
  }
  if (parts.empty())
    return emitError(program.getLoc(), "what if '")
           << text << "': how the value is to lie is missing; ask 'value=S(0)'";
  auto found = llvm::find(keys, name.trim());
  if (found == keys.end()) {
    const std::string near = config::nearest(name.trim().str(), keys.vec());
    InFlightDiagnostic diag = emitError(program.getLoc(), "what if '")
                              << text << "': the program has no value '" << name.trim() << "'";
    return near.empty() ? diag : diag << "; did you mean '" << near << "'?";
  }
  out.node = found - keys.begin();
  const MeshAttr mesh = network.nodes()[out.node].mesh;
  if (int64_t(out.wanted.size()) != mesh.numAxes())
    return emitError(program.getLoc(), "what if '")
           << text << "': the mesh {" << shapeText(mesh) << "} needs one of S(dim), B, P for each "
           << "axis, in this order";
  return out;
}

// ---- Bandwidths

static std::set<std::string> crossedBy(const Cluster &cluster, const DistNetwork &network) {
  std::set<std::string> names;
  for (const DistNode &node : network.nodes()) {
    ArrayRef<int64_t> devices = node.mesh.getDevices();
    for (size_t i = 1; i < devices.size(); ++i)
      for (int64_t from : {devices[0], devices[i - 1]})
        for (int64_t resource : cluster.path(from, devices[i]))
          names.insert(cluster.resources[resource].name);
    break; // meshes of stages are alike
  }
  return names;
}

static Cluster scaled(Cluster cluster, StringRef resource, double by) {
  for (ClusterResource &each : cluster.resources)
    if (each.name == resource) {
      each.bytesPerSecond *= by;
      for (auto &[bytes, rate] : each.bySize)
        rate *= by;
    }
  return cluster;
}

static double bandwidthOf(const Cluster &cluster, StringRef resource) {
  for (const ClusterResource &each : cluster.resources)
    if (each.name == resource)
      return each.bytesPerSecond;
  return 0;
}

namespace {

/// Two ways for one value to lie, as the cluster changes.
class Rivals {
public:
  Rivals(const Question &question, NdSbp chosen, const Cluster &cluster, NetworkOn networkOn)
      : question(question), chosen(std::move(chosen)), cluster(cluster), networkOn(networkOn) {}

  /// Seconds that the question's way takes more than the chosen one; nothing if one does not fit.
  std::optional<double> excess(StringRef resource, double scale) const {
    const Cluster other = scaled(cluster, resource, scale);
    BoxingPlanner planner(other);
    FailureOr<DistNetwork> network = networkOn(other, planner);
    if (failed(network))
      return std::nullopt;
    std::optional<double> asked = seconds(*network, question.wanted, other);
    std::optional<double> kept = seconds(*network, chosen, other);
    return asked && kept ? std::optional(*asked - *kept) : std::nullopt;
  }

  /// The scale at which both take as long, where it is between 1 and `end`.
  std::optional<double> crossing(StringRef resource, double end) const {
    const std::optional<double> far = excess(resource, end);
    if (!far || *far >= 0)
      return std::nullopt;
    double same = 0, other = std::log(end); // at `other` the question's way is faster
    while (std::abs(other - same) > 0.01) {
      const double middle = (same + other) / 2;
      const std::optional<double> now = excess(resource, std::exp(middle));
      if (!now)
        return std::nullopt;
      (*now < 0 ? other : same) = middle;
    }
    return std::exp(other);
  }

private:
  std::optional<double> seconds(const DistNetwork &network, const NdSbp &sbp,
                                const Cluster &on) const {
    Searched held(holding(network, question.node, sbp));
    SearchFailure why;
    if (held.network.nodes()[question.node].options.empty() ||
        !solveNetwork(memoryLimit(network, on), held, why))
      return std::nullopt;
    return held.seconds;
  }

  const Question &question;
  const NdSbp chosen;
  const Cluster &cluster;
  NetworkOn networkOn;
};

} // namespace

static std::string flipText(const Rivals &rivals, const Cluster &cluster, StringRef resource) {
  const double now = bandwidthOf(cluster, resource);
  for (double end : {1 / mostScale, mostScale})
    if (std::optional<double> scale = rivals.crossing(resource, end))
      return llvm::formatv("faster than it {0} {1:e2} bytes/s of '{2}', which has {3:e2}",
                           end < 1 ? "below" : "above", *scale * now, resource, now)
          .str();
  return llvm::formatv("slower than it for any bandwidth of '{0}' from {1:e2} to {2:e2} bytes/s",
                       resource, now / mostScale, now * mostScale)
      .str();
}

// ---- Answers

static void answer(ProgramOp program, const Question &question, const Searched &chosen,
                   const Cluster &cluster, NetworkOn networkOn) {
  const DistNode &node = chosen.network.nodes()[question.node];
  const NdSbp kept = seenAs(node.options[chosen.choice[question.node]]);
  auto out = remark::analysis(node.op->getLoc(),
                              remark::RemarkOpts::name("WhatIf").category("distribute"));
  if (!out)
    return;
  out << remark::metric("Asked", question.text) << remark::metric("Chosen", toString(kept));
  Searched held(holding(chosen.network, question.node, question.wanted));
  SearchFailure why;
  if (held.network.nodes()[question.node].options.empty()) {
    out << remark::metric("Why", "its op cannot give that");
    return;
  }
  if (!solveNetwork(memoryLimit(chosen.network, cluster), held, why)) {
    out << remark::metric("Why", why.limit ? "nothing was found that fits the memory of a device"
                                           : "its neighbours cannot take that");
    return;
  }
  FailureOr<ChoiceFigures> figures = figuresOf(held.network, held.choice, held.levels);
  if (failed(figures)) {
    out << remark::metric("Why", "nothing was found that fits");
    return;
  }
  out << remark::metric("Seconds", held.seconds)
      << remark::metric("More",
                        llvm::formatv("{0:f2}", 100 * (held.seconds / chosen.seconds - 1)).str());
  out << remark::metric("Bytes", figures->peakBytes)
      << remark::metric("Moved", figures->movedBytes);
  if (held.seconds <= chosen.seconds * (1 + 1e-9))
    return;
  const Rivals rivals(question, kept, cluster, networkOn);
  for (const std::string &resource : crossedBy(cluster, chosen.network))
    out << remark::metric("Flip", flipText(rivals, cluster, resource));
}

LogicalResult answerWhatIfs(ProgramOp program, ArrayRef<std::string> questions,
                            const Searched &chosen, const Cluster &cluster, NetworkOn networkOn) {
  const std::vector<std::string> keys = nodeKeys(chosen.network);
  for (const std::string &text : questions) {
    FailureOr<Question> question = parse(program, text, chosen.network, keys);
    if (failed(question))
      return failure();
    answer(program, *question, chosen, cluster, networkOn);
  }
  return success();
}

} // namespace of
