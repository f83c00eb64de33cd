#include "tools/of-run/Rendezvous.h"

#include <cstdlib>

namespace of::run {

namespace {

Result<std::optional<uint32_t>> numberIn(const Environment &environment, const char *name) {
  const char *text = environment(name);
  if (!text || !*text)
    return std::optional<uint32_t>();
  char *end = nullptr;
  const unsigned long value = std::strtoul(text, &end, 10);
  if (*end != '\0' || *text == '-' || value > 0xffffffff)
    return Status(Code::InvalidArgument, std::string("the variable ") + name + " is '" + text +
                                             "', which is no number; give --node and --peers");
  return std::optional<uint32_t>(static_cast<uint32_t>(value));
}

std::string textIn(const Environment &environment, const char *name) {
  const char *text = environment(name);
  return text ? text : "";
}

/// The launchers in their order, each with its variables.
struct Launcher {
  const char *name, *rank, *size;
};
constexpr Launcher kLaunchers[] = {
    {"torchrun", "RANK", "WORLD_SIZE"},
    {"Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
    {"Slurm", "SLURM_PROCID", "SLURM_NTASKS"},
    {"Kubernetes", "JOB_COMPLETION_INDEX", "WORLD_SIZE"},
};

} // namespace

std::string firstHost(const std::string &nodeList) {
  const size_t bracket = nodeList.find('['), comma = nodeList.find(',');
  if (bracket == std::string::npos || comma < bracket)
    return nodeList.substr(0, comma);
  const size_t end = nodeList.find_first_of("-,]", bracket + 1);
  if (end == std::string::npos)
    return "";
  return nodeList.substr(0, bracket) + nodeList.substr(bracket + 1, end - bracket - 1);
}

Result<Rendezvous> findRendezvous(const Environment &environment) {
  Rendezvous out;
  for (const Launcher &launcher : kLaunchers) {
    OF_ASSIGN(out.rank, numberIn(environment, launcher.rank));
    if (!out.rank)
      continue;
    out.launcher = launcher.name;
    OF_ASSIGN(out.size, numberIn(environment, launcher.size));
    break;
  }
  if (out.launcher.empty())
    return out;
  out.rootHost = textIn(environment, "MASTER_ADDR");
  OF_ASSIGN(const std::optional<uint32_t> port, numberIn(environment, "MASTER_PORT"));
  if (port && *port > 0xffff)
    return Status(Code::InvalidArgument, "the variable MASTER_PORT is " + std::to_string(*port) +
                                             ", which is no port; ports end at 65535");
  if (port)
    out.rootPort = static_cast<uint16_t>(*port);
  if (!out.rootHost.empty())
    return out;
  if (out.launcher == std::string("Slurm"))
    out.rootHost = textIn(environment, "SLURM_NNODES") == "1"
                       ? "127.0.0.1"
                       : firstHost(textIn(environment, "SLURM_JOB_NODELIST"));
  OF_ASSIGN(const std::optional<uint32_t> here,
            numberIn(environment, "OMPI_COMM_WORLD_LOCAL_SIZE"));
  if (out.launcher == std::string("Open MPI") && (!here || here == out.size))
    out.rootHost = "127.0.0.1";
  return out;
}

} // namespace of::run
