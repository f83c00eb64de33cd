#include "tools/of-run/Probe.h"

#include "runtime/kernel/Loader.h"
#include "tools/of-run/Measure.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <fstream>
#include <iostream>
#include <thread>
#include <unistd.h>

namespace of::run {

namespace {

/// A number of cluster.yaml, and how it was measured.
struct Figure {
  std::string key, value, source;
};
using Figures = std::vector<Figure>;

constexpr double giga = 1e9, micro = 1e-6;

/// Keys of a map with their sources, each line after `indent`.
std::string textOf(const Figures &figures, const std::string &indent) {
  std::string out;
  for (const Figure &f : figures)
    out += fmt::format("{}{}: {}\n", indent, f.key, f.value);
  return out;
}

std::string sourcesOf(const Figures &figures, const std::string &indent) {
  std::string out = indent + "source:\n";
  for (const Figure &f : figures)
    out += fmt::format("{}  {}: \"measured: {}\"\n", indent, f.key, f.source);
  return out;
}

/// What a device of `threads` threads does on a host of `devices` such devices.
class DeviceProbe {
public:
  DeviceProbe(uint32_t threads, uint32_t devices) : threads_(threads), devices_(devices) {}

  Status measure() {
    OF_TRY(measureMatmul());
    for (const char *routine :
         {"conv2d_forward", "conv2d_backward_data", "conv2d_backward_weights"})
      OF_TRY(measureConvolution(routine));
    OF_TRY(measureElements());
    OF_TRY(measureMemory());
    return measureCrowding();
  }

  std::string text(const std::string &indent) const {
    std::string out = textOf(figures_, indent) + indent + "routines:\n";
    for (const auto &[name, rates] : routines_)
      out += indent + "  " + name + ":\n" + textOf(rates, indent + "    ") +
             sourcesOf(rates, indent + "    ");
    return out + sourcesOf(figures_, indent);
  }
  /// GB/s that a copy moves, each byte counted once.
  double copyRate() const { return copyRate_; }

private:
  static std::string number(double value) { return fmt::format("{:.4g}", value); }

  /// rate(size) = peak / (1 + half / size): two sizes give half.
  static double halfOf(double fast, double atFast, double slow, double atSlow) {
    const double ratio = fast / slow;
    return std::max(0.0, (ratio - 1) / (1 / atSlow - ratio / atFast));
  }

  /// Two shapes that are too small in one way each say how much is lost to it.
  Status measureMatmul() {
    constexpr double n = 384, few = 48, shallow = 16;
    auto rate = [&](plan::DType dtype, double m, double k) -> Result<double> {
      OF_ASSIGN(const double t, alone(matmulWork(dtype, static_cast<int64_t>(m),
                                                 static_cast<int64_t>(m), static_cast<int64_t>(k)),
                                      threads_));
      return 2 * m * m * k / t;
    };
    OF_ASSIGN(const double large, rate(plan::DType::F32, n, n));
    OF_ASSIGN(const double small, rate(plan::DType::F32, few, n));
    OF_ASSIGN(const double flat, rate(plan::DType::F32, n, shallow));
    OF_ASSIGN(const double wide, rate(plan::DType::F64, n, n));
    const double outputs = halfOf(large, n * n, small, few * few),
                 depth = halfOf(large, n, flat, shallow);
    const double whole = (1 + outputs / (n * n)) * (1 + depth / n);
    figures_.push_back(
        {"gflops_f32", number(large * whole / giga), "matrix product of 384 x 384 x 384"});
    figures_.push_back(
        {"gflops_f64", number(wide * whole / giga), "matrix product of 384 x 384 x 384"});
    figures_.push_back(
        {"half_outputs", number(outputs), "matrix products with 48 x 48 and 384 x 384 results"});
    figures_.push_back(
        {"half_depth", number(depth), "matrix products with inner sums of 16 and 384"});
    return Status::ok();
  }

  /// Images of one channel, as first layers have them, leave short sums, and few results where the
  /// filters' gradient is computed. (The gradient of such images nobody needs.)
  Status measureConvolution(const std::string &routine) {
    const ConvolutionShape deep{4, 32}, flat{4, 1};
    auto rate = [&](plan::DType dtype, const ConvolutionShape &shape) -> Result<double> {
      OF_ASSIGN(const double t, alone(convolutionWork(routine, dtype, shape), threads_));
      return shape.flops() / t;
    };
    OF_ASSIGN(const double large, rate(plan::DType::F32, deep));
    OF_ASSIGN(const double wide, rate(plan::DType::F64, deep));
    double whole = 1;
    Figures lost;
    if (routine != "conv2d_backward_data") {
      const bool ofFilters = routine == "conv2d_backward_weights";
      auto size = [&](const ConvolutionShape &shape) {
        return ofFilters ? shape.filterWeights() : shape.depth();
      };
      OF_ASSIGN(const double small, rate(plan::DType::F32, flat));
      const double half = halfOf(large, size(deep), small, size(flat));
      whole += half / size(deep);
      lost.push_back({ofFilters ? "half_outputs" : "half_depth", number(half),
                      "images of one channel and of 32"});
    }
    const std::string what = "4 images of 32 x 28 x 28, 32 filters of 3 x 3";
    Figures rates{{"gflops_f32", number(large * whole / giga), what},
                  {"gflops_f64", number(wide * whole / giga), what}};
    rates.insert(rates.end(), lost.begin(), lost.end());
    routines_.emplace_back(routine, rates);
    return Status::ok();
  }

  Status measureElements() {
    const int64_t elements = 8192 * static_cast<int64_t>(threads_);
    auto measure = [&](const char *name, const WorkFactory &work, double ops,
                       const std::string &what) -> Status {
      OF_ASSIGN(const double t, alone(work, threads_));
      const double rate = ops * static_cast<double>(elements) / t / giga;
      routines_.emplace_back(
          name, Figures{{"gflops_f32", number(rate), what},
                        {"gflops_f64", number(rate / 2), what + "; half of it in fp64"}});
      return Status::ok();
    };
    OF_TRY(measure("generated", elementWork(elements), elementOps,
                   "an update like Adam's in cache, eleven operations an element"));
    return measure("function", functionWork(elements), 1, "exp(x) in cache");
  }

  /// What exceeds the cache in training is above all an optimizer's update. Copies within growing
  /// areas: the cache ends where their rate falls towards that of memory.
  Status measureMemory() {
    OF_ASSIGN(const double memory, alone(copyWork(piece_, large_), threads_));
    copyRate_ = static_cast<double>(piece_) / memory;
    OF_ASSIGN(const double update, alone(updateWork(piece_, large_), threads_));
    figures_.push_back({"memory_gb_per_s",
                        number(updateBytes * static_cast<double>(piece_) / update / giga),
                        "updating 1 MiB of weights after the other of 96 MiB, with momentum"});
    size_t cache = 0;
    double fast = 0;
    for (size_t area = size_t(256) << 10; area <= size_t(32) << 20; area *= 2) {
      const size_t bytes = std::min(area, piece_);
      OF_ASSIGN(const double t, alone(copyWork(bytes, area), threads_));
      const double rate = static_cast<double>(bytes) / t;
      if (rate < 1.5 * copyRate_)
        break;
      cache = 2 * area;
      fast = 2 * rate;
    }
    if (cache > 0) {
      figures_.push_back({"cache", fmt::format("{} KiB", cache >> 10),
                          "largest copy half as fast again as memory, both ways"});
      figures_.push_back({"cache_gb_per_s", number(fast / giga), "the same copy"});
    }
    OF_ASSIGN(const double launch, alone(launchWork(), threads_));
    figures_.push_back(
        {"launch_us", fmt::format("{:.3f}", launch / 1000 / micro), "an empty call"});
    return Status::ok();
  }

  /// How much longer work takes while all devices of the host do it: from computing and from
  /// copying, in equal parts.
  Status measureCrowding() {
    if (devices_ == 1)
      return Status::ok();
    double product = 1;
    for (const WorkFactory &work :
         {matmulWork(plan::DType::F32, 384, 384, 384), copyWork(piece_, large_)}) {
      OF_ASSIGN(const double lone, alone(work, threads_));
      OF_ASSIGN(const double crowded, together(work, threads_, devices_));
      product *= std::max(1.0, crowded / lone);
    }
    figures_.push_back({"crowding", fmt::format("{:.3f}", std::sqrt(product)),
                        "matrix products and copies on all devices of the host at once"});
    return Status::ok();
  }

  static constexpr size_t piece_ = size_t(1) << 20, large_ = size_t(96) << 20;
  const uint32_t threads_, devices_;
  Figures figures_;
  std::vector<std::pair<std::string, Figures>> routines_;
  double copyRate_ = 0;
};

std::string bestIsa() {
  for (const char *isa : {"x86-64-v4", "x86-64-v3"})
    if (rt::cpuSupports(isa))
      return isa;
  return "x86-64-v2";
}

std::string hostName() {
  char name[256] = "host";
  ::gethostname(name, sizeof name - 1);
  return name;
}

} // namespace

/// Between devices of a host, of one process or two: the receiver copies what the sender wrote.
static std::string hostMemoryText(double rate) {
  std::string out = fmt::format("  - name: host-memory\n    per: host\n    gb_per_s: {:.4g}\n"
                                "    latency_us: {:.3g}\n    sizes:\n",
                                rate / giga, tokenSeconds() / micro);
  for (size_t kib : {16, 256, 4096, 65536})
    out += fmt::format("      - {{bytes: {} KiB, gb_per_s: {:.4g}}}\n", kib,
                       static_cast<double>(kib << 10) / fetchSeconds(kib << 10) / giga);
  return out + "    source:\n      gb_per_s: \"measured: copying 192 MiB, bytes counted once\"\n"
               "      latency_us: \"measured: a token from thread to thread\"\n"
               "      sizes: \"measured: fetching what another thread wrote\"\n";
}

static std::string diskText(double rate) {
  return fmt::format("  - name: disk\n    per: host\n    gb_per_s: {:.4g}\n    source:\n"
                     "      gb_per_s: \"measured: reading 64 MiB that no cache holds\"\n",
                     rate / giga);
}

static std::string folderOf(const std::string &file) {
  const size_t slash = file.rfind('/');
  return slash == std::string::npos ? "." : file.substr(0, slash + 1);
}

Status probeCluster(const ProbeOptions &options) {
  const uint32_t cores = std::max(1u, std::thread::hardware_concurrency());
  const uint32_t devices = options.nodes * options.devices;
  const uint32_t threads = options.threads ? options.threads : std::max(1u, cores / devices);
  const uint64_t memory = static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                          static_cast<uint64_t>(::sysconf(_SC_PAGE_SIZE)) / devices;
  DeviceProbe device(threads, devices);
  OF_TRY(device.measure());
  const double disk = diskRate(folderOf(options.out));

  std::string text = "# Measured by of-run probe on this host.\nnodes:\n  - name: n\n";
  text += fmt::format("    count: {}\n    host: {}\n    devices:\n", options.nodes, hostName());
  text += fmt::format("      - kind: cpu\n        count: {}\n        threads: {}\n"
                      "        isa: {}\n        memory: {}MiB\n",
                      options.devices, threads, bestIsa(), memory >> 20);
  text += device.text("        ");
  if (devices > 1 || disk > 0)
    text += "resources:\n";
  if (devices > 1)
    text += hostMemoryText(device.copyRate());
  if (disk > 0)
    text += diskText(disk);
  if (devices > 1 || disk > 0)
    text += "paths:\n";
  if (devices > 1)
    text += "  - {from: \"n*\", to: \"n*\", within: host, over: [host-memory]}\n";
  if (disk > 0)
    text += "  - {from: \"n*\", to: \"n*.disk\", over: [disk]}\n";
  if (options.out == "-") {
    std::cout << text;
    return Status::ok();
  }
  std::ofstream file(options.out);
  file << text;
  file.close();
  return file ? Status::ok() : Status(Code::Io, "cannot write " + options.out);
}

} // namespace of::run
