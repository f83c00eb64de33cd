// write-toy-plan <file> <hosts of nodes, as digits> <devices per node> <steps>
// [<steps between snapshots>]: for tests of of-run.
#include "runtime/schema/PlanFile.h"
#include "test/node/ToyPlan.h"

#include <cstdio>
#include <cstdlib>

int main(int argc, char **argv) {
  if (argc < 5)
    return 2;
  of::test::ToyOptions options;
  options.hostOfNode.clear();
  for (const char *c = argv[2]; *c; ++c)
    options.hostOfNode.push_back(static_cast<uint32_t>(*c - '0'));
  options.devicesPerNode = static_cast<uint32_t>(std::atoi(argv[3]));
  options.steps = static_cast<uint64_t>(std::atoll(argv[4]));
  options.snapshotEvery = argc > 5 ? static_cast<uint64_t>(std::atoll(argv[5])) : 0;
  options.transferWorker = 1;
  of::test::ToyPlan toy(options, OF_TOY_KERNELS);
  const of::Status status = of::rt::writePlan(argv[1], toy.b.plan);
  if (!status.isOk())
    std::fprintf(stderr, "%s\n", status.message().c_str());
  return status.isOk() ? 0 : 1;
}
