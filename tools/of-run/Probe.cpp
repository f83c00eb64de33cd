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
  DeviceProbe(uint32_t threads, uint32_t devices, bool shared)
      : threads_(threads), devices_(devices), shared_(shared) {}

  Status measure() {
    OF_TRY(measureMemory());
    OF_TRY(measureMatmul());
    for (const char *routine :
         {"conv2d_forward", "conv2d_backward_data", "conv2d_backward_weights"})
      OF_TRY(measureConvolution(routine));
    OF_TRY(measureElements());
    return measureCrowding();
  }

  std::string text(const std::string &indent) const {
    std::string out = textOf(figures_, indent);
    if (!cacheRates_.empty())
      out += indent + "memory_sizes:\n";
    for (const auto &[area, rate] : cacheRates_)
      out += fmt::format("{}  - {{bytes: {} KiB, gb_per_s: {:.4g}}}\n", indent, area >> 10,
                         rate / giga);
    out += indent + "routines:\n";
    for (const auto &[name, rates] : routines_)
      out += indent + "  " + name + ":\n" + textOf(rates, indent + "    ") +
             sourcesOf(rates, indent + "    ");
    Figures all = figures_;
    if (!cacheRates_.empty())
      all.push_back({"memory_sizes", "", "updating such areas again and again, with momentum"});
    return out + sourcesOf(all, indent);
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

  /// Seconds of the three products that training makes of one, on average: itself, the gradient of
  /// what it reads, that of the weights.
  Result<double> trainingProduct(plan::DType dtype, const ProductShape &of) {
    double sum = 0;
    for (const ProductShape &shape : {of, ProductShape{of.m, of.k, of.n, 1, false, true},
                                      ProductShape{of.k, of.n, of.m, 1, true, false}}) {
      OF_ASSIGN(const double t,
                computing(matmulWork(dtype, shape, stepArea_), shape.movedBytes(dtype), stepArea_));
      sum += t;
    }
    return sum / 3;
  }

  /// A shape with short sums says what is lost to them.
  Status measureMatmul() {
    const ProductShape large{1024, 256, 256}, flat{1024, 256, 16};
    auto near = [&](const ProductShape &shape) {
      return computing(matmulWork(plan::DType::F32, shape, nearArea_),
                       shape.movedBytes(plan::DType::F32), nearArea_);
    };
    OF_ASSIGN(const double largeSeconds, near(large));
    OF_ASSIGN(const double flatSeconds, near(flat));
    OF_ASSIGN(const double narrow, trainingProduct(plan::DType::F32, large));
    OF_ASSIGN(const double wide, trainingProduct(plan::DType::F64, large));
    const double k = double(large.k),
                 depth = halfOf(large.flops() / largeSeconds, k, flat.flops() / flatSeconds,
                                double(flat.k)),
                 whole = large.flops() * (1 + depth / k);
    const std::string what = "matrix product of 1024 x 256 x 256 and its gradients";
    figures_.push_back({"gflops_f32", number(whole / narrow / giga), what});
    figures_.push_back({"gflops_f64", number(whole / wide / giga), what});
    figures_.push_back(
        {"half_depth", number(depth), "matrix products with inner sums of 16 and 256"});
    return measureBatch(whole / narrow, depth);
  }

  /// Products as attention and its gradient have them, as many of each.
  Status measureBatch(double rate, double depth) {
    double sum = 0;
    const ProductShape shapes[] = {{64, 64, 16, 64, false, true},
                                   {64, 16, 64, 64, false, false},
                                   {64, 16, 64, 64, true, false}};
    for (const ProductShape &shape : shapes) {
      OF_ASSIGN(const double t, computing(matmulWork(plan::DType::F32, shape, stepArea_),
                                          shape.movedBytes(plan::DType::F32), stepArea_));
      sum += (t - shape.flops() / rate * (1 + depth / double(shape.k))) / double(shape.batch);
    }
    routines_.emplace_back(
        "matmul", Figures{{"start_us", number(std::max(0.0, sum / 3) / micro),
                           "64 products of 64 x 16 x 64 and 64 x 64 x 16, some transposed"}});
    return Status::ok();
  }

  /// Images of one channel, as first layers have them, leave short sums, and few results where the
  /// filters' gradient is computed. (The gradient of such images nobody needs.)
  Status measureConvolution(const std::string &routine) {
    const ConvolutionShape deep{16, 32}, flat{16, 1};
    auto rate = [&](plan::DType dtype, const ConvolutionShape &shape) -> Result<double> {
      OF_ASSIGN(const double t, computing(convolutionWork(routine, dtype, shape, nearArea_),
                                          shape.movedBytes(routine, dtype), nearArea_));
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
    const std::string what = "16 images of 32 x 28 x 28, 32 filters of 3 x 3";
    Figures rates{{"gflops_f32", number(large * whole / giga), what},
                  {"gflops_f64", number(wide * whole / giga), what}};
    rates.insert(rates.end(), lost.begin(), lost.end());
    routines_.emplace_back(routine, rates);
    return Status::ok();
  }

  Status measureElements() {
    constexpr int64_t columns = 64;
    const int64_t elements = 2048 * static_cast<int64_t>(threads_), rows = elements / columns;
    const double count = static_cast<double>(cachedRepeats * elements);
    OF_ASSIGN(const double update, alone(elementWork(elements), threads_));
    OF_ASSIGN(const double function, alone(functionWork(elements), threads_));
    OF_ASSIGN(const double fold, alone(foldWork(rows, columns), threads_));
    const double start = (fold - update / elementOps) / static_cast<double>(cachedRepeats * rows);
    addElements("generated", elementOps * count / update,
                "additions and products in cache, eleven an element");
    routines_.back().second.push_back(
        {"start_us", number(std::max(0.0, start) / micro),
         "sums of rows of 64 elements one after the other, in cache"});
    addElements("function", count / function, "exp(x) in cache");
    return Status::ok();
  }
  void addElements(const char *name, double rate, const std::string &what) {
    routines_.emplace_back(
        name, Figures{{"gflops_f32", number(rate / giga), what},
                      {"gflops_f64", number(rate / giga / 2), what + "; half of it in fp64"}});
  }

  /// What exceeds the caches in training is above all an optimizer's update; areas that are updated
  /// again and again say what caches hold, up to where they hold nothing.
  Status measureMemory() {
    OF_ASSIGN(const double copy, alone(copyWork(piece_, large_), threads_));
    copyRate_ = static_cast<double>(piece_) / copy;
    OF_ASSIGN(const double memory, updateRate(piece_, large_, shared_));
    OF_ASSIGN(memoryRate_, updateRate(piece_, large_, false));
    nearRate_ = memory;
    for (size_t area = leastArea_; area <= size_t(64) << 20; area *= 2) {
      OF_ASSIGN(const double rate, updateRate(std::min(piece_, area / 3), area / 3, shared_));
      if (rate < 1.1 * memory)
        break;
      cacheRates_.emplace_back(area, rate);
      if (area <= nearArea_)
        nearRate_ = rate;
    }
    figures_.push_back({"memory_gb_per_s", number(memory / giga),
                        "updating 1 MiB of weights after the other of 96 MiB, with momentum"});
    OF_ASSIGN(const double launch, alone(launchWork(), threads_));
    figures_.push_back(
        {"launch_us", fmt::format("{:.3f}", launch / 1000 / micro), "an empty call"});
    return Status::ok();
  }
  /// Seconds of a library routine beside those that the cost model counts for the bytes that it
  /// moves, which come from such an area. Of a shape that does little else no more than half are.
  Result<double> computing(const WorkFactory &work, double movedBytes, size_t areaBytes) {
    OF_ASSIGN(const double t, alone(work, threads_));
    return std::max(t / 2, t - movedBytes / (areaBytes > nearArea_ ? memoryRate_ : nearRate_));
  }
  /// Bytes per second, in pieces of such areas of each array.
  Result<double> updateRate(size_t piece, size_t area, bool shared) {
    piece -= piece % 256;
    OF_ASSIGN(const double t,
              alone(updateWork(piece, std::max(piece, area - area % 256), shared), threads_));
    return updateBytes * static_cast<double>(piece) / t;
  }

  /// How much longer work takes while all devices of the host do it: from computing and from
  /// copying, in equal parts.
  Status measureCrowding() {
    if (devices_ == 1)
      return Status::ok();
    double product = 1;
    for (const WorkFactory &work :
         {matmulWork(plan::DType::F32, {384, 384, 384}), copyWork(piece_, large_)}) {
      OF_ASSIGN(const double lone, alone(work, threads_));
      OF_ASSIGN(const double crowded, together(work, threads_, devices_));
      product *= std::max(1.0, crowded / lone);
    }
    figures_.push_back({"crowding", fmt::format("{:.3f}", std::sqrt(product)),
                        "matrix products and copies on all devices of the host at once"});
    return Status::ok();
  }

  /// What the kernel before has written is no further away than nearArea_; of the three products of
  /// training two work on what was written long before, or in the last step.
  static constexpr size_t piece_ = size_t(1) << 20, large_ = size_t(96) << 20,
                          leastArea_ = size_t(128) << 10, nearArea_ = size_t(32) << 20,
                          stepArea_ = size_t(256) << 20;
  const uint32_t threads_, devices_;
  const bool shared_; ///< chunks are, by several nodes
  Figures figures_;
  std::vector<std::pair<std::string, Figures>> routines_;
  std::vector<std::pair<size_t, double>> cacheRates_; ///< by the bytes that are updated
  double copyRate_ = 0, nearRate_ = 0, memoryRate_ = 0;
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

/// Between devices of a host, of one process or two: the receiver copies what the sender wrote,
/// once it knows that it may.
static std::string hostMemoryText(double rate, double handOver) {
  std::string out = fmt::format("  - name: host-memory\n    per: host\n    gb_per_s: {:.4g}\n"
                                "    latency_us: {:.3g}\n    sizes:\n",
                                rate / giga, handOver / micro);
  for (size_t kib : {16, 256, 4096, 65536})
    out += fmt::format("      - {{bytes: {} KiB, gb_per_s: {:.4g}}}\n", kib,
                       static_cast<double>(kib << 10) / fetchSeconds(kib << 10) / giga);
  return out + "    source:\n      gb_per_s: \"measured: copying 192 MiB, bytes counted once\"\n"
               "      latency_us: \"measured: devices that wait for each other between products of "
               "128 x 128 x 128\"\n"
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
  DeviceProbe device(threads, devices, options.nodes > 1);
  OF_TRY(device.measure());
  double handOver = 0;
  if (devices > 1) {
    OF_ASSIGN(handOver,
              handOverSeconds(matmulWork(plan::DType::F32, {128, 128, 128}), threads, devices));
  }
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
    text += hostMemoryText(device.copyRate(), handOver);
  if (disk > 0)
    text += diskText(disk);
  if (devices > 1 || disk > 0)
    text += "paths:\n";
  if (devices > 1)
    for (const char *within : {"node", "host"})
      text += fmt::format("  - {{from: \"n*\", to: \"n*\", within: {}, over: [host-memory]}}\n",
                          within);
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
