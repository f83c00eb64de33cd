// fuzz-seeds FOLDER: small plans, as the tests make them, as inputs for the target `planFile`.
#include "test/node/ToyPlan.h"

#include <fstream>

int main(int argc, char **argv) {
  if (argc != 2)
    return 2;
  const auto write = [&](const char *name, const of::test::ToyOptions &options) {
    const std::vector<uint8_t> bytes = of::test::ToyPlan(options, "").finish();
    std::ofstream out(std::string(argv[1]) + "/" + name, std::ios::binary);
    out.write(reinterpret_cast<const char *>(bytes.data()), static_cast<long>(bytes.size()));
    return out.good();
  };
  of::test::ToyOptions one, two, three;
  two.devicesPerNode = 2;
  two.micros = 3;
  two.snapshotEvery = 10;
  three.hostOfNode = {0, 0, 1};
  three.transferWorker = 1;
  return write("one", one) && write("two", two) && write("three", three) ? 0 : 1;
}
