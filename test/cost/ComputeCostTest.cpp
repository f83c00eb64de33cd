// Seconds of kernels: the rate that holds, what saturates it, and what is not arithmetic.
#include "lib/Cost/ComputeCost.h"
#include "test/cost/Clusters.h"

#include "catch2/catch.hpp"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"

using namespace of;
using namespace of::test;

namespace {

ClusterDevice device(const std::string &keys) {
  config::Report report("c.yaml");
  Cluster cluster =
      clusterIn("nodes: [{name: a, devices: [{kind: cpu, gflops_f32: 100, gflops_f64: 50, "
                "memory_gb_per_s: 10, launch_us: 2, " +
                    keys + "}]}]",
                report);
  REQUIRE(report.clean());
  return cluster.devices[0];
}

KernelWork product(double m, double n, double k, DType dtype = DType::F32) {
  KernelWork work;
  work.routine = "matmul";
  work.dtype = dtype;
  work.flops = 2 * m * n * k;
  work.bytes = (m * n + m * k + n * k) * sizeOf(dtype);
  work.outputs = m * n;
  return work;
}

/// Operations that move nothing.
KernelWork arithmetic(double m, double n, double k, DType dtype = DType::F32) {
  KernelWork work = product(m, n, k, dtype);
  work.bytes = 0;
  return work;
}

/// The work of the one op of a function.
KernelWork workOf(const std::string &arguments, const std::string &op) {
  mlir::MLIRContext context;
  context.loadDialect<OfDialect, mlir::func::FuncDialect>();
  mlir::OwningOpRef<mlir::ModuleOp> module = mlir::parseSourceString<mlir::ModuleOp>(
      "func.func @f(" + arguments + ") { %r = " + op + "\n return }", &context);
  REQUIRE(module);
  KernelWork work;
  auto types = [](mlir::TypeRange range) {
    return llvm::map_to_vector(range,
                               [](mlir::Type t) { return mlir::cast<mlir::RankedTensorType>(t); });
  };
  module->walk([&](mlir::Operation *o) {
    if (o->getNumResults() == 1)
      work = of::workOf(o, types(o->getOperandTypes()), types(o->getResultTypes()));
  });
  return work;
}

} // namespace

TEST_CASE("a kernel takes the longer of arithmetic and bytes", "[cost]") {
  const ClusterDevice plain = device("threads: 1");
  KernelWork work = product(1000, 1000, 1000);
  work.routine = generatedRoutine.str();
  CHECK(kernelSeconds(work, plain) == Approx(2e-6 + 2e9 / 100e9));
  work = product(1000, 1000, 1);
  work.routine = generatedRoutine.str();
  CHECK(kernelSeconds(work, plain) == Approx(2e-6 + 4 * 1002000 / 10e9));
  CHECK(kernelSeconds(KernelWork(), plain) == Approx(2e-6));
}

TEST_CASE("a library on a CPU packs, then computes", "[cost]") {
  ClusterDevice d = device("threads: 1");
  CHECK(kernelSeconds(product(1000, 1000, 1000), d) == Approx(2e-6 + 2e9 / 100e9 + 12e6 / 10e9));
  d.kind = "cuda";
  CHECK(kernelSeconds(product(1000, 1000, 1000), d) == Approx(2e-6 + 2e9 / 100e9));
}

TEST_CASE("what is written is fetched first, unless it lies over what is read", "[cost]") {
  ClusterDevice d = device("threads: 1");
  KernelWork work;
  work.bytes = 3e6;
  work.written = 1e6;
  CHECK(kernelSeconds(work, d) == Approx(2e-6 + 4e6 / 10e9));
  std::swap(work.written, work.inPlace);
  CHECK(kernelSeconds(work, d) == Approx(2e-6 + 3e6 / 10e9));
  d.kind = "cuda";
  std::swap(work.written, work.inPlace);
  CHECK(kernelSeconds(work, d) == Approx(2e-6 + 3e6 / 10e9));
}

TEST_CASE("the rate is the routine's, else the device's", "[cost]") {
  const ClusterDevice d = device("gflops_f16: 400, routines: {matmul: {gflops_f32: 80}}");
  auto rate = [&](const KernelWork &work) {
    return work.flops / (kernelSeconds(work, d) - 2e-6) / 1e9;
  };
  KernelWork other = arithmetic(1000, 1000, 1000);
  other.routine = "conv2d_forward";
  CHECK(rate(arithmetic(1000, 1000, 1000)) == Approx(80));
  CHECK(rate(other) == Approx(100));
  CHECK(rate(arithmetic(1000, 1000, 1000, DType::F64)) == Approx(50));
  CHECK(rate(arithmetic(1000, 1000, 1000, DType::F16)) == Approx(400));
  CHECK(rate(arithmetic(1000, 1000, 1000, DType::BF16)) == Approx(80)); // as fp32
}

TEST_CASE("small and shallow kernels do not reach the rate", "[cost]") {
  const ClusterDevice d = device("half_outputs: 10000, half_depth: 100");
  auto part = [&](const KernelWork &work) {
    return work.flops / 100e9 / (kernelSeconds(work, d) - 2e-6);
  };
  CHECK(part(arithmetic(10000, 10000, 100000)) > 0.99);
  CHECK(part(arithmetic(100, 100, 1000000)) == Approx(0.5).epsilon(1e-3));
  CHECK(part(arithmetic(10000, 10000, 100)) == Approx(0.5).epsilon(1e-3));
  // A routine has the device's shape unless it is given its own.
  const ClusterDevice own = device("half_outputs: 10000, half_depth: 100, routines: {matmul: "
                                   "{gflops_f32: 100, half_depth: 300}}");
  CHECK(kernelSeconds(arithmetic(10000, 10000, 100), own) - 2e-6 ==
        Approx(4 * 2e10 / 100e9).epsilon(1e-3));
  // Generated kernels keep their rate.
  KernelWork generated;
  generated.flops = generated.outputs = 1e6;
  CHECK(kernelSeconds(generated, d) == Approx(2e-6 + 1e6 / 100e9));
}

TEST_CASE("odd rows slow 16-bit kernels", "[cost]") {
  const ClusterDevice d = device("gflops_f16: 100, unaligned: 0.5");
  for (DType dtype : {DType::F16, DType::F32}) {
    KernelWork work = arithmetic(1000, 1000, 1000, dtype);
    const double aligned = kernelSeconds(work, d) - 2e-6;
    work.aligned = false;
    CHECK((kernelSeconds(work, d) - 2e-6) / aligned == Approx(dtype == DType::F16 ? 2 : 1));
  }
}

TEST_CASE("crowding stretches kernels, not their start; issuing them may take longer", "[cost]") {
  ClusterDevice d = device("dispatch_us: 10");
  d.crowding = 1.5;
  CHECK(kernelSeconds(arithmetic(1000, 1000, 1000), d) == Approx(2e-6 + 1.5 * 2e9 / 100e9));
  CHECK(queuedSeconds(1e-3, 50, d) == Approx(1e-3));
  CHECK(queuedSeconds(1e-3, 200, d) == Approx(2e-3));
}

TEST_CASE("what caches hold comes from them", "[cost]") {
  const ClusterDevice d = device("memory_sizes: [{bytes: 1 MB, gb_per_s: 100}, {bytes: 100 MB, "
                                 "gb_per_s: 20}]");
  CHECK(d.memorySeconds(1e6, 1e5) == Approx(1e6 / 100e9));
  CHECK(d.memorySeconds(1e6, 1e6) == Approx(1e6 / 100e9));
  CHECK(d.memorySeconds(1e6, 1e7) == Approx(1e6 / 60e9)); // halfway between the two, by magnitude
  CHECK(d.memorySeconds(1e6, 2e8) == Approx(1e6 / 10e9));
  CHECK(device("threads: 1").memorySeconds(1e6, 1e6) == Approx(1e6 / 10e9));
  // What is updated in place is there once, what later passes read again is part of it.
  KernelWork work;
  work.bytes = 2e6;
  work.inPlace = 1e6;
  CHECK(kernelSeconds(work, d) == Approx(2e-6 + 2e6 / 100e9));
  work.again = 3e6;
  work.part = 1e7;
  CHECK(kernelSeconds(work, d) == Approx(2e-6 + 2e6 / 100e9 + 3e6 / 60e9));
}

TEST_CASE("sizes of caches ascend", "[cost]") {
  config::Report report("c.yaml");
  clusterIn("nodes: [{name: a, devices: [{kind: cpu, memory_sizes: [{bytes: 2 MB, gb_per_s: 1}, "
            "{bytes: 1 MB, gb_per_s: 2}]}]}]",
            report);
  CHECK_FALSE(report.clean());
}

TEST_CASE("products of a batch and folds of rows have a start each", "[cost]") {
  ClusterDevice d = device("routines: {matmul: {start_us: 3}, generated: {start_us: 0.5}}");
  KernelWork batch = arithmetic(1000, 1000, 1000);
  batch.products = 4;
  CHECK(kernelSeconds(batch, d) == Approx(2e-6 + 2e9 / 100e9 + 4 * 3e-6));
  KernelWork rows;
  rows.flops = rows.outputs = 1e6;
  rows.folds = 10;
  CHECK(kernelSeconds(rows, d) == Approx(2e-6 + 1e6 / 100e9 + 5e-6));
  d.kind = "cuda";
  CHECK(kernelSeconds(rows, d) == Approx(2e-6 + 1e6 / 100e9));
}

TEST_CASE("exp takes longer than an addition, a division half as long as exp", "[cost]") {
  KernelWork work;
  work.flops = work.functions = 1e6;
  const ClusterDevice measured = device(
      "routines: {generated: {gflops_f32: 10}, function: {gflops_f32: 0.5, gflops_f64: 0.25}}");
  CHECK(kernelSeconds(work, measured) == Approx(2e-6 + 1e6 / 10e9 + 0.5e6 / 0.5e9));
  CHECK(kernelSeconds(work, device("routines: {generated: {gflops_f32: 10}}")) ==
        Approx(2e-6 + 7e6 / 10e9));
  work.dtype = DType::F64;
  CHECK(kernelSeconds(work, measured) == Approx(2e-6 + 1e6 / 50e9 + 0.5e6 / 0.25e9));
}

TEST_CASE("passes of a CPU follow each other", "[cost]") {
  ClusterDevice d = device("memory_sizes: [{bytes: 1 MB, gb_per_s: 100}]");
  KernelWork work;
  work.bytes = 4e6;
  work.flops = 1e8;
  work.again = 1e6;
  work.part = 1e3;
  work.passes.resize(2);
  work.passes[0].bytes = 4e6; // 0.4 ms against 0.1
  work.passes[0].flops = 1e7;
  work.passes[1].flops = 9e7; // 0.9 ms against 0.01
  work.passes[1].again = 1e6;
  CHECK(kernelSeconds(work, d) == Approx(2e-6 + 0.4e-3 + 0.9e-3));
  d.kind = "cuda"; // as one
  CHECK(kernelSeconds(work, d) == Approx(2e-6 + 1e-3));
}

TEST_CASE("operands are where their last use left them", "[cost]") {
  const ClusterDevice d = device("memory_sizes: [{bytes: 1 MB, gb_per_s: 100}]");
  KernelWork work;
  work.bytes = 4e6;
  work.ages = {{2e6, 1e6}, {2e6, 2e6}};
  CHECK(kernelSeconds(work, d) == Approx(2e-6 + 2e6 / 100e9 + 2e6 / 10e9));
  work.bytes = 2e6; // the op says that it reads half
  CHECK(kernelSeconds(work, d) == Approx(2e-6 + 1e6 / 100e9 + 1e6 / 10e9));
}

TEST_CASE("a CPU computes the products of a batch one by one", "[cost]") {
  ClusterDevice d = device("half_outputs: 10000");
  KernelWork batch = arithmetic(100, 100, 1e6);
  batch.products = 4;
  CHECK(kernelSeconds(batch, d) - 2e-6 == Approx(5 * batch.flops / 100e9));
  d.kind = "cuda";
  CHECK(kernelSeconds(batch, d) - 2e-6 == Approx(2 * batch.flops / 100e9));
}

TEST_CASE("ops state what their bytes and results do not", "[cost]") {
  const KernelWork gather =
      workOf("%t: tensor<1000x32xf32>, %i: tensor<8xi64>",
             "of.embedding %t, %i : (tensor<1000x32xf32>, tensor<8xi64>) -> tensor<8x32xf32>");
  CHECK(gather.bytes == 8 * 8 + 2 * 8 * 32 * 4); // not the table
  const KernelWork exp =
      workOf("%x: tensor<4x8xf32>", "of.exp %x : (tensor<4x8xf32>) -> tensor<4x8xf32>");
  CHECK(exp.functions == 64);
  CHECK(workOf("%x: tensor<4x8xf32>",
               "of.div %x, %x : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>")
            .functions == 32);
  CHECK(workOf("%x: tensor<1x1x4x8xf32>",
               "of.max_pool2d %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>} : "
               "(tensor<1x1x4x8xf32>) -> tensor<1x1x2x4xf32>")
            .functions == 64); // four comparisons of each of eight windows, each as long as exp
  CHECK(exp.bytes == 2 * 32 * 4);
  CHECK(
      workOf("%x: tensor<4x8xf32>", "of.neg %x : (tensor<4x8xf32>) -> tensor<4x8xf32>").functions ==
      0);
  const KernelWork batch =
      workOf("%a: tensor<6x4x8xf32>, %b: tensor<6x8x2xf32>",
             "of.matmul %a, %b : (tensor<6x4x8xf32>, tensor<6x8x2xf32>) -> tensor<6x4x2xf32>");
  CHECK(batch.products == 6);
  const KernelWork sum = workOf("%x: tensor<4x8xf32>",
                                "of.reduce_sum %x dims [1] : (tensor<4x8xf32>) -> tensor<4xf32>");
  CHECK(sum.flops == 32);
  CHECK(sum.folds == 4);
  CHECK(workOf("%x: tensor<4x8xf32>",
               "of.reduce_sum %x dims [0] : (tensor<4x8xf32>) -> tensor<8xf32>")
            .folds == 0); // row after row is added to eight sums
}
