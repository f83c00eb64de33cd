#include "lib/Cost/Profile.h"

#include <algorithm>
#include <cmath>

namespace of {
using namespace config;

// ---- The file -----------------------------------------------------------------------------------

static Key secondsKey() { return number("seconds", "Of one, in seconds.").atLeast(0).required(); }

Key profileKeys() {
  Key task =
      object("task", "A task of a program.",
             {text("program", "Its program.").required(), text("task", "Name.").required(),
              number("flops", "Operations of its kernels.").atLeast(0).required(),
              number("bytes", "Of one slot of each of its ports.").atLeast(0).required(),
              integer("firings", "So many were measured.").atLeast(1).required(), secondsKey()});
  Key exchange =
      object("exchange", "What an exchange sends to other hosts.",
             {text("program", "Its program.").required(), text("exchange", "Name.").required(),
              number("bytes", "Of one firing.").atLeast(0).required(),
              integer("firings", "So many were measured.").atLeast(1).required(), secondsKey()});
  Key link =
      object("link", "The largest transfers from one node to another.",
             {text("from", "Node.").required(), text("to", "Node.").required(),
              number("bytes", "Of one transfer.").atLeast(0).required(),
              integer("pushes", "So many were measured.").atLeast(1).required(), secondsKey()});
  return object("", "What a run has measured. `of-run --profile` writes it.",
                {text("job", "Job of the plan that was run.").required(),
                 list("tasks", "Tasks.", task).required(),
                 list("exchanges", "Exchanges.", exchange).required(),
                 list("links", "Links between hosts.", link).required()});
}

mlir::LogicalResult readProfile(mlir::ModuleOp module, const std::string &file) {
  Report report(file);
  Node tree = readYaml(report);
  if (report.clean())
    tree = complete(tree, profileKeys(), report);
  if (mlir::failed(emitReport(module.getContext(), report)))
    return mlir::failure();
  mlir::NamedAttrList attrs(
      mlir::cast<mlir::DictionaryAttr>(toAttribute(module.getContext(), tree, profileKeys())));
  module->setAttr(profileAttrName, attrs.getDictionary(module.getContext()));
  return mlir::success();
}

mlir::FailureOr<std::optional<Profile>> profileOf(mlir::ModuleOp module) {
  if (!module->hasAttr(profileAttrName))
    return std::optional<Profile>();
  mlir::FailureOr<Node> tree = treeOf(module, profileAttrName, profileKeys());
  if (mlir::failed(tree))
    return mlir::failure();
  Profile out;
  out.job = get(*tree, "job").text;
  for (const Node &item : get(*tree, "tasks").items)
    out.tasks[{get(item, "program").text, get(item, "task").text}] = {
        {numberOf(get(item, "flops")), numberOf(get(item, "bytes"))},
        numberOf(get(item, "seconds"))};
  for (const Node &item : get(*tree, "exchanges").items)
    out.exchanges[{get(item, "program").text, get(item, "exchange").text}] =
        numberOf(get(item, "seconds"));
  for (const Node &item : get(*tree, "links").items)
    out.links.push_back({get(item, "from").text, get(item, "to").text, numberOf(get(item, "bytes")),
                         numberOf(get(item, "seconds"))});
  return std::optional<Profile>(std::move(out));
}

// ---- What it says -------------------------------------------------------------------------------

std::optional<double> Profile::taskSeconds(const std::string &program, const std::string &task,
                                           const ProfiledWork &work) const {
  const auto it = tasks.find({program, task});
  if (it == tasks.end() || !(it->second.work == work))
    return std::nullopt;
  return it->second.seconds;
}

std::optional<double> Profile::exchangeSeconds(const std::string &program,
                                               const std::string &exchange) const {
  const auto it = exchanges.find({program, exchange});
  return it == exchanges.end() ? std::nullopt : std::optional<double>(it->second);
}

/// A run sees the end of a transfer when a worker next looks.
static constexpr double kSeenSeconds = 1e-3;

/// First device of the node of this name, or -1.
static int64_t deviceOf(const Cluster &cluster, const std::string &node) {
  for (size_t d = 0; d < cluster.devices.size(); ++d)
    if (cluster.nodes[cluster.devices[d].node].name == node)
      return static_cast<int64_t>(d);
  return -1;
}

static void setRate(ClusterResource &resource, double bytesPerSecond) {
  for (auto &[bytes, rate] : resource.bySize)
    rate *= bytesPerSecond / resource.bytesPerSecond;
  resource.bytesPerSecond = bytesPerSecond;
}

std::vector<CorrectedLink> correctLinks(Cluster &cluster, const Profile &profile) {
  std::vector<CorrectedLink> out;
  std::map<int64_t, double> rates; ///< by resource, of its slowest link
  for (const Profile::Link &link : profile.links) {
    const int64_t from = deviceOf(cluster, link.from), to = deviceOf(cluster, link.to);
    if (from < 0 || to < 0 || cluster.sameHost(from, to))
      continue;
    const std::vector<ClusterHop> hops = cluster.hops(from, to);
    const double given = cluster.transferSeconds(static_cast<int64_t>(link.bytes), hops);
    if (hops.empty() || std::max(given, link.seconds) < kSeenSeconds)
      continue;
    const auto narrowest = std::min_element(hops.begin(), hops.end(), [&](auto &a, auto &b) {
      return cluster.resources[a.resource].bytesPerSecond <
             cluster.resources[b.resource].bytesPerSecond;
    });
    const ClusterResource &resource = cluster.resources[narrowest->resource];
    const double latency = given - link.bytes / resource.bytesPerSecond;
    const double rate = link.bytes / std::max(link.seconds - latency, link.seconds / 2);
    out.push_back({link.from, link.to, resource.bytesPerSecond, rate});
    double &least = rates.try_emplace(narrowest->resource, rate).first->second;
    least = std::min(least, rate);
  }
  for (auto [resource, rate] : rates)
    setRate(cluster.resources[resource], rate);
  return out;
}

} // namespace of
