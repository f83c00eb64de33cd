// Ten tasks of a millisecond in a loop, without a runtime: bare-tasks STEPS. Prints the nanoseconds
// of each step, one a line: what a machine that does other things beside adds to the work.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

int main(int argc, char **argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: bare-tasks STEPS\n");
    return 2;
  }
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds kTask(1);
  constexpr int kTasks = 10;
  std::vector<Clock::time_point> stamps = {Clock::now()};
  for (int step = 0; step < std::atoi(argv[1]); ++step) {
    for (int task = 0; task < kTasks; ++task)
      for (const auto begin = Clock::now(); Clock::now() - begin < kTask;) {
      }
    stamps.push_back(Clock::now());
  }
  for (size_t i = 0; i + 1 < stamps.size(); ++i)
    std::printf("%.0f\n",
                std::chrono::duration<double, std::nano>(stamps[i + 1] - stamps[i]).count());
  return 0;
}
