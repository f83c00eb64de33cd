// How close do generated kernels come to the memory's rate? Bytes are those of the distinct
// buffers, one thread; `memcpy` of the same size is the yardstick. Run with --benchmark_filter=...
#include "test/codegen/CodegenHarness.h"

#include <benchmark/benchmark.h>

#include <cstring>
#include <map>

using of::test::Kernel;

namespace {

constexpr size_t rows = 16384, columns = 1024, elements = rows * columns;

struct Buffers {
  explicit Buffers(const std::vector<size_t> &counts) {
    for (size_t count : counts) {
      data.emplace_back(count);
      for (size_t i = 0; i < count; ++i)
        data.back()[i] = 0.1f + 0.001f * static_cast<float>(i % 1999);
      bytes += count * sizeof(float);
    }
    for (auto &d : data)
      pointers.push_back(d.data());
  }
  std::vector<std::vector<float>> data;
  std::vector<void *> pointers;
  size_t bytes = 0;
};

void run(benchmark::State &state, const std::string &text, const std::vector<size_t> &counts) {
  Kernel kernel(text);
  if (!kernel.ok()) {
    state.SkipWithError(kernel.errors().c_str());
    return;
  }
  Buffers buffers(counts);
  for (auto _ : state) {
    kernel.runTiles(buffers.pointers, 0, kernel.info().tiles);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * buffers.bytes));
}

/// $T: the matrix, $R: its rows, $K: its rows with the columns kept as 1, $C: its columns, $X:
/// transposed.
std::string expand(std::string text) {
  const std::map<std::string, std::string> types = {{"$T", "tensor<16384x1024xf32>"},
                                                    {"$R", "tensor<16384xf32>"},
                                                    {"$K", "tensor<16384x1xf32>"},
                                                    {"$C", "tensor<1024xf32>"},
                                                    {"$X", "tensor<1024x16384xf32>"}};
  for (const auto &[name, type] : types)
    for (size_t at; (at = text.find(name)) != std::string::npos;)
      text.replace(at, name.size(), type);
  return text;
}

void memcpyOf(benchmark::State &state) {
  Buffers buffers({elements, elements});
  for (auto _ : state) {
    std::memcpy(buffers.pointers[0], buffers.pointers[1], elements * sizeof(float));
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * buffers.bytes));
}

void add(const std::string &name, const std::string &text, const std::vector<size_t> &counts) {
  benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State &state) {
    run(state, expand(text), counts);
  })->Unit(benchmark::kMillisecond);
}

/// In the first cache: what the arithmetic costs. Items are elements; %x is between 0.1 and 2.1, %l
/// below the logarithms of all numbers.
void addSmall(const std::string &name, const std::string &op) {
  const std::string text = "func.func @f(%x: tensor<8192xf32>) -> tensor<8192xf32> {\n %n = "
                           "of.constant -1.0e+9 : f32 : tensor<f32>\n %l = of.mul %x, %n : "
                           "(tensor<8192xf32>, tensor<f32>) -> tensor<8192xf32>\n %y = " +
                           op + "\n return %y : tensor<8192xf32>\n}";
  benchmark::RegisterBenchmark(("small/" + name).c_str(), [=](benchmark::State &state) {
    run(state, text, {8192, 8192});
    state.SetItemsProcessed(state.iterations() * 8192);
  });
}

/// Rows of so many elements in the first cache: what a fold takes beside its elements. Items are
/// elements.
void addRows(const std::string &name, int columns) {
  std::string text =
      name == "softmax"
          ? "func.func @f(%x: $T) -> $T {\n %m = of.reduce_max %x dims [1] keepdims : ($T) -> $K\n "
            "%d = of.sub %x, %m : ($T, $K) -> $T\n %e = of.exp %d : ($T) -> $T\n %s = "
            "of.reduce_sum %e dims [1] keepdims : ($T) -> $K\n %q = of.div %e, %s : ($T, $K) -> "
            "$T\n return %q : $T\n}"
          : "func.func @f(%x: $T) -> $K {\n %y = of.reduce_sum %x dims [1] keepdims : ($T) -> $K\n "
            "return %y : $K\n}";
  const std::string count = std::to_string(8192 / columns);
  for (const auto &[part, type] :
       {std::pair<std::string, std::string>{"$T", "tensor<" + count + "x" +
                                                      std::to_string(columns) + "xf32>"},
        {"$K", "tensor<" + count + "x1xf32>"}})
    for (size_t at; (at = text.find(part)) != std::string::npos;)
      text.replace(at, part.size(), type);
  benchmark::RegisterBenchmark(("small/" + name + "/" + std::to_string(columns)).c_str(),
                               [=](benchmark::State &state) {
                                 run(state, text, {8192, 8192});
                                 state.SetItemsProcessed(state.iterations() * 8192);
                               });
}

} // namespace

int main(int argc, char **argv) {
  benchmark::RegisterBenchmark("memcpy", memcpyOf)->Unit(benchmark::kMillisecond);
  for (const char *op : {"relu", "exp", "log", "tanh", "erf", "sin"})
    add(op,
        std::string("func.func @f(%x: $T) -> $T {\n %y = of.") + op +
            " %x : ($T) -> $T\n return %y : $T\n}",
        {elements, elements});
  add("add",
      "func.func @f(%x: $T, %y: $T) -> $T {\n %z = of.add %x, %y : ($T, $T) -> $T\n return %z : "
      "$T\n}",
      {elements, elements, elements});
  add("sum of rows",
      "func.func @f(%x: $T) -> $R {\n %y = of.reduce_sum %x dims [1] : ($T) -> $R\n return %y : "
      "$R\n}",
      {elements, rows});
  add("sum of columns",
      "func.func @f(%x: $T) -> $C {\n %y = of.reduce_sum %x dims [0] : ($T) -> $C\n return %y : "
      "$C\n}",
      {elements, columns});
  add("transpose",
      "func.func @f(%x: $T) -> $X {\n %y = of.transpose %x [1, 0] : ($T) -> $X\n return %y : $X\n}",
      {elements, elements});
  add("softmax",
      "func.func @f(%x: $T) -> $T {\n %m = of.reduce_max %x dims [1] keepdims : ($T) -> $K\n %d = "
      "of.sub %x, %m : ($T, $K) -> $T\n"
      " %e = of.exp %d : ($T) -> $T\n %s = of.reduce_sum %e dims [1] keepdims : ($T) -> $K\n %q = "
      "of.div %e, %s : ($T, $K) -> $T\n"
      " return %q : $T\n}",
      {elements, elements});
  addRows("sum of rows", 64);
  addRows("sum of rows", 1024);
  addRows("softmax", 64);
  addRows("softmax", 1024);
  for (const char *op : {"neg", "relu", "sqrt", "rsqrt", "reciprocal", "exp", "log", "tanh", "erf",
                         "sin", "sigmoid", "softplus"})
    addSmall(op, std::string("of.") + op + " %x : (tensor<8192xf32>) -> tensor<8192xf32>");
  addSmall("exp to zero", "of.exp %l : (tensor<8192xf32>) -> tensor<8192xf32>");
  for (const char *op : {"add", "mul", "div", "max", "pow"})
    addSmall(op, std::string("of.") + op +
                     " %x, %x : (tensor<8192xf32>, tensor<8192xf32>) -> tensor<8192xf32>");
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
