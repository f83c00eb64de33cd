#include "tools/of-run/Hosts.h"

#include "runtime/node/control/Socket.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace of::run {

namespace {

Status wrongLine(const std::string &path, size_t number, const std::string &what) {
  return Status(Code::InvalidArgument, path + ":" + std::to_string(number) + ": " + what);
}

/// A number in [1, most]; 0 if the text is none.
unsigned long numberOf(const std::string &text, unsigned long most) {
  char *end = nullptr;
  const unsigned long value = std::strtoul(text.c_str(), &end, 10);
  return text.empty() || text[0] == '-' || *end != '\0' || value > most ? 0 : value;
}

/// Whether a host has a port of its own; an IPv6 address has only in brackets.
bool hasPort(const std::string &host) {
  const size_t colon = host.rfind(':');
  return colon != std::string::npos &&
         (host.find(':') == colon || (host[0] == '[' && host[colon - 1] == ']'));
}

} // namespace

Result<std::vector<std::string>> readHostFile(const std::string &path, uint16_t port) {
  std::ifstream in(path);
  if (!in)
    return Status(Code::InvalidArgument, "cannot read the hostfile " + path);
  std::vector<std::string> out;
  size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    std::istringstream words(line.substr(0, line.find('#')));
    std::string host, word;
    if (!(words >> host))
      continue;
    unsigned long slots = 1;
    while (words >> word) {
      slots = word.compare(0, 6, "slots=") == 0 ? numberOf(word.substr(6), 4096) : 0;
      if (slots == 0)
        return wrongLine(path, number, "'" + word + "' is not slots=N");
    }
    if (hasPort(host) && numberOf(host.substr(host.rfind(':') + 1), 65535) == 0)
      return wrongLine(path, number, "'" + host + "' has no port after the colon");
    if (hasPort(host) && slots > 1)
      return wrongLine(path, number, "one port for several nodes; leave it to --port");
    for (; slots > 0; --slots) {
      if (!hasPort(host) && port + out.size() > 65535)
        return wrongLine(path, number, "no port is left; choose a lower --port");
      out.push_back(
          hasPort(host) ? host : rt::addressText(host, static_cast<uint16_t>(port + out.size())));
    }
  }
  if (out.empty())
    return Status(Code::InvalidArgument, path + " names no host");
  return out;
}

Result<uint32_t> ownLine(const std::vector<std::string> &peers, const std::string &path) {
  std::vector<uint32_t> here;
  for (uint32_t i = 0; i < peers.size(); ++i) {
    OF_ASSIGN(const bool own, rt::isOwnHost(peers[i]));
    if (own)
      here.push_back(i);
  }
  if (here.size() == 1)
    return here[0];
  return Status(Code::InvalidArgument,
                here.empty() ? path + " does not name this host; say which node it is with --node"
                             : path + " names this host for " + std::to_string(here.size()) +
                                   " nodes; say which this one is with --node");
}

} // namespace of::run
