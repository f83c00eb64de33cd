// of-scaling: data-parallel training on nodes of 8 devices, from the throughput of one. See
// README.md.
#include "benchmarks/scaling/Networks.h"
#include "lib/Cost/ComputeCost.h"
#include "lib/Cost/StepCost.h"
#include "lib/Distribute/BoxingPlanner.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>

using namespace of;
using namespace of::scaling;

namespace {

/// A run that was measured or claimed elsewhere.
struct Run {
  std::string system, network;
  double batch = 0, alone = 0; ///< of a device; samples a second of one device
  int64_t devices = 0;
  double measured = 0; ///< samples a second; 0: nothing to compare with
};

struct Step {
  double seconds = 0, alone = 0, exchange = 0; ///< exchange: of all gradients, hidden or not
  double exposed() const { return seconds - alone; }
};

/// Seconds to add up `elements` fp32 gradients of all devices, as the boxing planner would.
double allReduceSeconds(BoxingPlanner &planner, const Cluster &cluster, int64_t devices,
                        double elements) {
  int64_t perNode = 0;
  while (perNode < devices && cluster.devices[perNode].node == 0)
    ++perNode;
  Placement mesh{{devices / perNode, perNode}, {}};
  for (int64_t i = 0; i < devices; ++i)
    mesh.devices.push_back(i);
  if (mesh.shape[0] == 1)
    mesh.shape.erase(mesh.shape.begin());
  const Layout partial{mesh, NdSbp(mesh.shape.size(), Sbp::partialSum())},
      whole{mesh, NdSbp(mesh.shape.size(), Sbp::broadcast())};
  return planner.path({static_cast<int64_t>(elements)}, DType::F32, partial, whole).seconds;
}

Step predict(const Run &run, const Network &network, const Cluster &cluster,
             BoxingPlanner &planner) {
  Step out;
  out.alone = run.batch / run.alone;
  double work = 0;
  for (const Part &part : network.parts)
    work += part.work;
  // Backward is two of three products; its parts come in reverse.
  std::vector<ExchangedPart> parts;
  for (auto part = network.parts.rbegin(); part != network.parts.rend(); ++part) {
    ExchangedPart next{2.0 / 3 * out.alone * part->work / work, 0};
    if (run.devices > 1)
      next.exchange = allReduceSeconds(planner, cluster, run.devices, part->parameters);
    out.exchange += next.exchange;
    parts.push_back(next);
  }
  out.seconds = out.alone / 3 + trailedSeconds(parts, cluster.devices[0].overlapSlowdown);
  return out;
}

bool readRuns(const char *file, std::vector<Run> &out) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  for (int number = 2; std::getline(in, line); ++number) {
    std::replace(line.begin(), line.end(), ',', ' ');
    std::istringstream cells(line);
    Run run;
    if (!(cells >> run.system >> run.network >> run.batch >> run.alone >> run.devices >>
          run.measured) ||
        run.batch <= 0 || run.alone <= 0 || run.devices <= 0) {
      std::fprintf(stderr,
                   "%s:%d: a run is system,network,batch of a device,samples/s of one device,"
                   "devices,measured samples/s or 0\n",
                   file, number);
      return false;
    }
    out.push_back(run);
  }
  if (out.empty())
    std::fprintf(stderr, "%s: no runs\n", file);
  return !out.empty();
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 3) {
    std::fputs("usage: of-scaling CLUSTER.yaml RUNS.csv\n", stderr);
    return 2;
  }
  config::Report report(argv[1]);
  const config::Node tree = config::complete(config::readYaml(report), clusterKeys(), report);
  const Cluster cluster = report.clean() ? readCluster(tree, report) : Cluster();
  for (const config::Diagnostic &d : report.diagnostics())
    std::fprintf(stderr, "%s\n", d.text().c_str());
  std::vector<Run> runs;
  if (!report.clean() || !readRuns(argv[2], runs))
    return 1;
  const std::vector<Network> networks = {resnet50(), alexnet(), bert("BERT-base", 12, 768, 128),
                                         bert("BERT-Large", 24, 1024, 512)};
  BoxingPlanner planner(cluster);
  std::printf("%-10s %-10s %6s %4s %10s %10s %7s %8s %9s %9s\n", "system", "network", "batch", "n",
              "measured", "predicted", "error", "speed-up", "exchange", "exposed");
  for (const Run &run : runs) {
    auto network = std::find_if(networks.begin(), networks.end(),
                                [&](const Network &n) { return n.name == run.network; });
    if (network == networks.end() || run.devices > int64_t(cluster.devices.size())) {
      std::fprintf(stderr,
                   "%s: %s on %lld devices: known are ResNet-50, AlexNet, BERT-base and "
                   "BERT-Large on up to %zu devices\n",
                   argv[2], run.network.c_str(), static_cast<long long>(run.devices),
                   cluster.devices.size());
      return 1;
    }
    const Step step = predict(run, *network, cluster, planner);
    const double rate = run.batch * run.devices / step.seconds;
    char error[16] = "";
    if (run.measured > 0)
      std::snprintf(error, sizeof error, "%+.1f %%", 100 * (rate / run.measured - 1));
    std::printf("%-10s %-10s %6.0f %4lld %10.1f %10.1f %7s %8.2f %6.1f ms %6.1f ms\n",
                run.system.c_str(), run.network.c_str(), run.batch,
                static_cast<long long>(run.devices), run.measured, rate, error, rate / run.alone,
                1e3 * step.exchange, 1e3 * step.exposed());
  }
  return 0;
}
