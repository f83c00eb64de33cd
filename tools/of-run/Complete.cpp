// What the command line leaves open: which node this is, where the others are, what joining needs.
#include "runtime/node/control/Socket.h"
#include "tools/of-run/Hosts.h"
#include "tools/of-run/Options.h"
#include "tools/of-run/Rendezvous.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>

namespace of::run {

namespace {

constexpr uint16_t kPort = 29400;

Status checkNode(const Options &options, uint32_t nodes) {
  if (!options.node)
    return Status(Code::InvalidArgument,
                  "the plan has " + std::to_string(nodes) +
                      " nodes; start them all here with --local, or one with --node and --peers");
  if (*options.node >= nodes)
    return Status(Code::InvalidArgument, "--node " + std::to_string(*options.node) +
                                             ", but the plan has nodes 0 to " +
                                             std::to_string(nodes - 1));
  return Status::ok();
}

/// One secret for all nodes, unless nobody but processes of this host can come.
Status takeToken(Options &options) {
  if (!options.tokenFile.empty()) {
    std::ifstream in(options.tokenFile);
    if (!std::getline(in, options.token) || options.token.empty())
      return Status(Code::InvalidArgument, options.tokenFile +
                                               ": no token in its first line; write any secret "
                                               "text there");
  } else if (const char *token = std::getenv(kTokenVariable)) {
    options.token = token;
  }
  if (!options.token.empty() || options.peers.size() < 2)
    return Status::ok();
  OF_ASSIGN(const bool here, rt::isLoopback(options.peers[0]));
  if (here && (options.interface.empty() || options.interface == "lo"))
    return Status::ok();
  return Status(Code::Refused,
                "others can reach node 0 at " + options.peers[0] +
                    ", so joining needs a secret: set " + kTokenVariable +
                    " to the same text for all nodes, or name a file with it with --token-file");
}

} // namespace

Status completeFromEnvironment(Options &options, uint32_t nodes) {
  Rendezvous found;
  if (!options.node || (options.peers.empty() && options.hostFile.empty())) {
    OF_ASSIGN(found, findRendezvous([](const char *name) { return std::getenv(name); }));
  }
  if (found.size && *found.size != nodes)
    return Status(Code::InvalidArgument,
                  found.launcher + " started " + std::to_string(*found.size) +
                      " processes, the plan has " + std::to_string(nodes) + " nodes");
  const uint16_t port = options.port.value_or(found.rootPort.value_or(kPort));
  if (!options.hostFile.empty()) {
    OF_ASSIGN(options.peers, readHostFile(options.hostFile, port));
  }
  if (!options.node)
    options.node = nodes == 1 ? 0 : found.rank;
  if (!options.node && !options.hostFile.empty()) {
    OF_ASSIGN(options.node, ownLine(options.peers, options.hostFile));
  }
  OF_TRY(checkNode(options, nodes));
  if (options.peers.empty() && !found.launcher.empty() && found.rootHost.empty() && nodes > 1)
    return Status(Code::InvalidArgument,
                  found.launcher + " does not say on which host node 0 runs; set MASTER_ADDR, or "
                                   "give --peers");
  if (options.peers.empty()) { // node 0 tells the others where they are
    const std::string host = found.rootHost.empty() ? "127.0.0.1" : found.rootHost;
    if (port + nodes - 1 > 65535)
      return Status(Code::InvalidArgument, "--port " + std::to_string(port) +
                                               " leaves no port for " + std::to_string(nodes) +
                                               " nodes; ports end at 65535");
    for (uint32_t i = 0; i < nodes; ++i)
      options.peers.push_back(rt::addressText(host, static_cast<uint16_t>(port + i)));
  }
  if (options.peers.size() != nodes)
    return Status(Code::InvalidArgument, (options.hostFile.empty() ? "--peers" : options.hostFile) +
                                             " names " + std::to_string(options.peers.size()) +
                                             " nodes, the plan has " + std::to_string(nodes));
  OF_TRY(takeToken(options));
  if (!found.launcher.empty() && nodes > 1)
    std::fprintf(stderr, "node %u of %u by %s, node 0 at %s\n", *options.node, nodes,
                 found.launcher.c_str(), options.peers[0].c_str());
  return Status::ok();
}

} // namespace of::run
