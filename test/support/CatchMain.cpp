// The main function of every Catch2 test: prints the seed first, so that a failure with random
// input can be repeated
// (`<test> --rng-seed N`; test code takes the seed from Catch::rngSeed()).
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>

#include <iostream>
#include <random>

int main(int argc, char **argv) {
  Catch::Session session;
  if (const int error = session.applyCommandLine(argc, argv); error != 0)
    return error;
  if (session.configData().rngSeed == 0)
    session.configData().rngSeed = static_cast<unsigned>(std::random_device()());
  const auto &config = session.configData();
  const bool listing =
      config.listTests || config.listTags || config.listReporters || config.showHelp;
  if (!listing)
    std::cerr << "seed " << config.rngSeed << "\n";
  return session.run();
}
