// MPI's all-reduce of f32 sums, one after the other: all-reduce-mpi BYTES ITERATIONS. Rank 0 prints
// the nanoseconds of each iteration, one a line, after the sum of the last has been checked.
#include <mpi.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  if (argc != 3) {
    std::fprintf(stderr, "usage: all-reduce-mpi BYTES ITERATIONS\n");
    MPI_Abort(MPI_COMM_WORLD, 2);
  }
  int rank = 0, ranks = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  const int elements = std::atoi(argv[1]) / 4, iterations = std::atoi(argv[2]);
  std::vector<float> in(static_cast<size_t>(elements)), out(in.size());
  for (int i = 0; i < elements; ++i)
    in[static_cast<size_t>(i)] = static_cast<float>((i + rank) % 1024);

  using Clock = std::chrono::steady_clock;
  std::vector<Clock::time_point> stamps;
  stamps.reserve(static_cast<size_t>(iterations) + 1);
  MPI_Barrier(MPI_COMM_WORLD);
  for (int i = 0; i <= iterations; ++i) {
    stamps.push_back(Clock::now());
    if (i < iterations)
      MPI_Allreduce(in.data(), out.data(), elements, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
  }
  for (int i = 0; i < elements; ++i) {
    float sum = 0;
    for (int r = 0; r < ranks; ++r)
      sum += static_cast<float>((i + r) % 1024);
    if (out[static_cast<size_t>(i)] != sum) {
      std::fprintf(stderr, "element %d is %g, not %g\n", i, out[static_cast<size_t>(i)], sum);
      MPI_Abort(MPI_COMM_WORLD, 1);
    }
  }
  for (size_t i = 0; rank == 0 && i + 1 < stamps.size(); ++i)
    std::printf("%.0f\n",
                std::chrono::duration<double, std::nano>(stamps[i + 1] - stamps[i]).count());
  MPI_Finalize();
  return 0;
}
