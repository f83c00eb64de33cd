#include "runtime/node/control/Checkup.h"

#include "runtime/node/control/Join.h"
#include "runtime/node/control/Steady.h"

#include <chrono>

namespace of::rt {

namespace {

constexpr int64_t kAnswerMs = 30000; // a node that checks its files may take a while
constexpr int kReachMs = 2000;

using Findings = std::vector<Status>;

std::string pack(const Findings &findings) {
  std::vector<std::string> lines;
  for (const Status &finding : findings) {
    lines.push_back(std::to_string(static_cast<int>(finding.code())));
    lines.push_back(finding.message());
  }
  return packLines(lines);
}

Findings unpack(const std::string &payload) {
  const std::vector<std::string> lines = unpackLines(payload);
  Findings out;
  for (size_t i = 0; i + 1 < lines.size(); i += 2)
    out.push_back(errorOf(lines[i], lines[i + 1]));
  return out;
}

Findings named(const ControlConfig &config, uint32_t node, const Findings &findings) {
  Findings out;
  for (const Status &finding : findings)
    out.push_back(finding.withContext("node " + config.nodeNames[node]));
  return out;
}

void append(Findings &all, const Findings &more) {
  all.insert(all.end(), more.begin(), more.end());
}

/// What a node says, and whether it can be reached where it listens.
Findings hear(const ControlConfig &config, Joined &joined, uint32_t node) {
  const auto frame = awaitFrame(joined.connections[node], nowMs() + kAnswerMs);
  if (!frame)
    return named(config, node, {Status(Code::PeerLost, "it came, but did not say what it found")});
  Findings out = unpack(frame->payload);
  const Result<int> fd = connectOnce(joined.addresses[node], kReachMs);
  if (fd.isOk() && *fd >= 0)
    Connection(*fd).close();
  else
    out.push_back(Status(Code::Io, "it cannot be reached at " + joined.addresses[node] +
                                       "; open that port, or name another with --port"));
  return named(config, node, out);
}

} // namespace

std::vector<Status> checkTogether(const ControlConfig &config, const std::vector<Status> &mine) {
  Findings all = named(config, config.node, mine), joining;
  if (config.nodeNames.size() == 1)
    return all;
  Result<Joined> joined = joinNodes(config, &joining);
  if (!joined.isOk()) {
    append(all, named(config, config.node, {joined.status()}));
    return all;
  }
  if (config.node != 0) {
    Connection &root = joined->connections[0];
    root.send(FrameType::Gather, pack(mine));
    const auto answer = awaitFrame(root, nowMs() + 2 * kAnswerMs);
    return answer ? unpack(answer->payload) : all;
  }
  append(all, joining);
  for (uint32_t n = 1; n < config.nodeNames.size(); ++n)
    if (joined->connections[n].open())
      append(all, hear(config, *joined, n));
  for (Connection &connection : joined->connections)
    connection.send(FrameType::Gathered, pack(all));
  return all;
}

} // namespace of::rt
