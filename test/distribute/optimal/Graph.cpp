#include "test/distribute/optimal/Graph.h"

#include <algorithm>
#include <array>
#include <random>
#include <vector>

namespace of::test {
namespace {

using Dims = std::vector<int64_t>;

struct Known {
  std::string name;
  Dims dims;
  int block = 0;
  bool isUsed = false;
};

struct Variable {
  std::string name;
  Dims dims;
  int block = 0;
  bool isSet = false;
};

std::string typeOf(const Dims &dims) {
  std::string text = "tensor<";
  for (int64_t dim : dims)
    text += std::to_string(dim) + "x";
  return text + "f32>";
}

int64_t bytesOf(const Dims &dims) {
  int64_t bytes = 4;
  for (int64_t dim : dims)
    bytes *= dim;
  return bytes;
}

class Builder {
public:
  Builder(uint64_t seed, int mostOps) : random(seed) {
    values.reserve(64); // references to what is there stay valid
    out.kind =
        pick<MeshKind>({MeshKind::Open, MeshKind::Given, MeshKind::Stages, MeshKind::Stages});
    const bool areStages = out.kind == MeshKind::Stages;
    // Beside them there are updates and a gradient.
    updatesLeft = 1 + int(below(2));
    opsLeft = std::max(2 + int(below(mostOps - 2)), areStages ? 4 : 2) - updatesLeft;
    // Kernels that are launched as long as they compute: what stages are for.
    isSmall = areStages && below(4) > 0;
    rows = isSmall ? pick<int64_t>({6, 64, 64, 256}) : pick<int64_t>({64, 512, 2048, 2048, 4096});
    // Layers unlike each other: what is best for one is not for the next.
    widths = isSmall ? std::vector<int64_t>{pick<int64_t>({256, 512}), pick<int64_t>({16, 64}),
                                            pick<int64_t>({16, 64, 256})}
                     : std::vector<int64_t>{pick<int64_t>({2048, 4096}), pick<int64_t>({16, 64}),
                                            pick<int64_t>({16, 64, 512, 2048, 4096})};
    microBatches = areStages ? pick<int64_t>({4, 16, 32, 32}) : pick<int64_t>({1, 4});
  }

  Graph run() {
    for (uint64_t n = 1 + below(2); n > 0; --n)
      addRead();
    addProduct(values.front());
    while (opsLeft > 0)
      addOp();
    if (!addGradient())
      addOp();
    addYields();
    out.text = module();
    return out;
  }

private:
  uint64_t below(uint64_t n) { return random() % n; }
  template <typename T> T pick(std::vector<T> list) { return list[below(list.size())]; }

  // ---- What is there

  void addRead() {
    std::string name = "%x" + std::to_string(values.size());
    values.push_back({name, {rows, pick(widths)}});
    micro += "      " + name + " = of.read @d : " + typeOf(values.back().dims) + "\n";
  }

  Known &anyOf(bool (*fits)(const Known &, const Known *), const Known *other = nullptr) {
    std::vector<size_t> fitting;
    for (size_t i = 0; i < values.size(); ++i)
      if (fits(values[i], other))
        fitting.push_back(i);
    // The newest is likelier, so that graphs are deep as well as wide.
    const size_t at =
        below(3) ? std::max(below(fitting.size()), below(fitting.size())) : below(fitting.size());
    return values[fitting[at]];
  }
  static bool hasRows(const Known &v, const Known *) { return v.dims.size() == 2; }
  static bool isLike(const Known &v, const Known *other) { return v.dims == other->dims; }
  static bool sharesRows(const Known &v, const Known *other) {
    return v.dims.size() == 2 && v.dims[0] == other->dims[0];
  }

  std::string stage(int block) const {
    return out.kind == MeshKind::Stages ? " {of.stage = " + std::to_string(block) + " : i64}" : "";
  }

  // A block begins often; gradients belong to any block that there is.
  int nextBlock(bool isBackward) {
    if (isBackward)
      return int(below(blocks));
    if (out.kind == MeshKind::Stages && blockHasOp && blocks < 5 && below(4) > 0)
      ++blocks;
    blockHasOp = true;
    return blocks - 1;
  }

  void add(const std::string &op, std::vector<Known *> operands, const std::string &after,
           Dims dims, bool isBackward = false) {
    const int block = nextBlock(isBackward);
    std::string names, types;
    for (Known *v : operands) {
      names += (names.empty() ? "" : ", ") + v->name;
      types += (types.empty() ? "" : ", ") + typeOf(v->dims);
      v->isUsed = true;
    }
    const std::string name = "%v" + std::to_string(values.size());
    micro += "      " + name + " = of." + op + " " + names + after + stage(block) + " : (" + types +
             ") -> " + typeOf(dims) + "\n";
    values.push_back({name, std::move(dims), block});
    --opsLeft;
  }

  Known variable(Dims dims) {
    for (const Variable &v : variables)
      if (v.dims == dims && below(3) == 0)
        return {"%" + v.name, v.dims, v.block, true};
    variables.push_back({"w" + std::to_string(variables.size()), dims, blocks - 1});
    return {"%" + variables.back().name, std::move(dims), blocks - 1, true};
  }

  // ---- Ops

  /// Of the largest variable whose product is there, so that splitting rows costs something.
  bool addGradient() {
    const Variable *largest = nullptr;
    std::array<Known *, 2> of{};
    for (const Variable &w : variables)
      if (w.dims.size() == 2 && (!largest || bytesOf(w.dims) > bytesOf(largest->dims)))
        for (Known &x : values)
          for (Known &y : values)
            if (hasRows(x, nullptr) && sharesRows(y, &x) && x.dims[1] == w.dims[0] &&
                y.dims[1] == w.dims[1]) {
              largest = &w;
              of = {&x, &y};
            }
    if (!largest)
      return false;
    add("matmul", {of[0], of[1]}, " transpose_lhs", largest->dims, true);
    return true;
  }

  void addOp() {
    Known &x = anyOf(hasRows);
    switch (below(9)) {
    case 0:
    case 1:
    case 2:
      return variables.size() < 3 ? addProduct(x) : addUnary(x);
    case 3:
      return addUnary(x);
    case 4:
    case 5: {
      Known &y = anyOf(isLike, &x);
      add(pick<std::string>({"add", "mul", "sub"}), {&x, &y}, "", x.dims);
      return;
    }
    case 6: {
      Known &y = anyOf(sharesRows, &x);
      add("matmul", {&x, &y}, " transpose_lhs", {x.dims[1], y.dims[1]}, true);
      return;
    }
    case 7:
      add("reduce_sum", {&x}, " dims [0]", {x.dims[1]}, true);
      return;
    default: {
      Known w = variables.size() < 3 ? variable({x.dims[1]}) : x;
      add("add", {&x, &w}, "", x.dims);
      if (!variables.empty() && variables.back().name == w.name.substr(1))
        variables.back().block = values.back().block;
      return;
    }
    }
  }

  void addProduct(Known &x) {
    Known w = variable({x.dims[1], pick(widths)});
    add("matmul", {&x, &w}, "", {x.dims[0], w.dims[1]});
    // The first op that needs a variable has its block.
    if (variables.back().name == w.name.substr(1))
      variables.back().block = values.back().block;
  }

  void addUnary(Known &x) {
    if (below(6) == 0)
      add("transpose", {&x}, " [1, 0]", {x.dims[1], x.dims[0]});
    else
      add(pick<std::string>({"relu", "tanh", "neg"}), {&x}, "", x.dims);
  }

  // ---- After the micro-batches

  void addYields() {
    std::string names, types;
    for (const Known &v : values) {
      if (v.isUsed)
        continue;
      const std::string sum = "%s" + std::to_string(sums++);
      results += (results.empty() ? "" : ", ") + sum;
      names += (names.empty() ? "" : ", ") + v.name;
      types += (types.empty() ? "" : ", ") + typeOf(v.dims);
      for (Variable &w : variables)
        if (w.dims == v.dims && !w.isSet && updatesLeft > 0) {
          w.isSet = true;
          --updatesLeft;
          updates += "    %u" + w.name + " = of.sub %" + w.name + ", " + sum + stage(w.block) +
                     " : (" + typeOf(w.dims) + ", " + typeOf(w.dims) + ") -> " + typeOf(w.dims) +
                     "\n    of.set @" + w.name + ", %u" + w.name + " : " + typeOf(w.dims) + "\n";
          break;
        }
    }
    resultTypes = types;
    micro += "      of.yield " + names + " : " + types + "\n";
  }

  // ---- Machines

  std::string device(int64_t memory) {
    std::string text = "{kind = \"cpu\", gflops_f32 = " + gflops +
                       " : f64, memory_gb_per_s = " + memoryRate + " : f64, launch_us = " + launch +
                       " : f64";
    if (memory)
      text += ", memory = " + std::to_string(memory) + " : i64";
    return text + "}";
  }

  std::string cluster() {
    gflops = pick<std::string>({"20.0", "100.0", "500.0"});
    memoryRate = pick<std::string>({"5.0", "20.0"});
    launch =
        isSmall ? pick<std::string>({"20.0", "100.0", "500.0"}) : pick<std::string>({"0.0", "2.0"});
    const int64_t count = pick<int64_t>({2, 3, 4, 4});
    const int64_t perNode = pick<int64_t>({1, count, count == 4 ? 2 : 1});
    int64_t memory = 0;
    if (below(5) < (isSmall ? 1 : 3)) {
      int64_t bytes = 0;
      for (const Known &v : values)
        bytes += bytesOf(v.dims);
      for (const Variable &v : variables)
        bytes += bytesOf(v.dims);
      memory = std::max<int64_t>(bytes * int64_t(25 + below(60)) / 100, 4096);
      out.hasLimit = true;
    }
    const bool isUneven = perNode == 1 && out.kind == MeshKind::Stages && below(3) == 0;
    std::string text;
    for (int64_t n = 0; n < count / perNode; ++n) {
      if (isUneven)
        gflops = pick<std::string>({"50.0", "100.0"});
      std::string devices;
      for (int64_t d = 0; d < perNode; ++d)
        devices += (d ? ", " : "") + device(memory);
      text += (n ? ", " : "") + std::string("{name = \"n") + std::to_string(n) + "\", devices = [" +
              devices + "]}";
    }
    deviceCount = count;
    return "{nodes = [" + text + "], resources = [{name = \"nic\", per = \"node\", gb_per_s = " +
           (isSmall ? pick<std::string>({"1.0", "5.0", "20.0"})
                    : pick<std::string>({"0.2", "1.0", "5.0", "20.0"})) +
           " : f64, latency_us = " + pick<std::string>({"1.0", "5.0"}) +
           " : f64}, {name = \"bus\", per = \"device\", gb_per_s = " +
           pick<std::string>({"2.0", "20.0"}) +
           " : f64, latency_us = 1.0 : f64}], paths = [{from = \"n*\", to = \"n*\", within = "
           "\"node\", over = [\"bus\"]}, {from = \"n*\", to = \"n*\", within = \"cluster\", over = "
           "[\"nic\"]}]}";
  }

  std::string mesh() {
    if (out.kind != MeshKind::Given)
      return "";
    if (deviceCount == 4 && below(4) > 0)
      return ", mesh = [[\"a\", 2 : i64], [\"b\", 2 : i64]]";
    return ", mesh = [[\"a\", " + std::to_string(deviceCount) + " : i64]]";
  }

  std::string module() {
    const std::string machines = cluster();
    std::string text = "module attributes {";
    if (out.kind == MeshKind::Stages)
      text += "of.blocks, ";
    text += "of.cluster = " + machines +
            ",\n  of.job = {model = \"m.mlir\", data = {train = {samples = 64 : i64, fields = "
            "[[\"x\", {files = [\"x.npy\"], format = \"npy\"}]]}}, loss = {output = 0 : i64}, "
            "optimizer = {sgd = {lr = 0.1 : f64}}, batch = 8 : i64, steps = 1 : i64, parallel = "
            "{strategy = \"auto\"" +
            mesh() + "}}} {\n";
    std::string gets;
    for (const Variable &v : variables) {
      text += "  of.variable @" + v.name + " : " + typeOf(v.dims) + " \"parameter\"" +
              stage(v.block) + "\n";
      gets += "    %" + v.name + " = of.get @" + v.name + " : " + typeOf(v.dims) + "\n";
    }
    text += "  of.program @train train {\n" + gets + "    " + results + " = of.micro count " +
            std::to_string(microBatches) + " -> " + resultTypes + " {\n" + micro + "    }\n" +
            updates + "  }\n}\n";
    return text;
  }

  std::mt19937_64 random;
  Graph out;
  int opsLeft, updatesLeft, blocks = 1, sums = 0;
  bool blockHasOp = false, isSmall = false;
  int64_t rows, microBatches, deviceCount = 0;
  std::vector<int64_t> widths = std::vector<int64_t>(3);
  std::vector<Known> values;
  std::vector<Variable> variables;
  std::string micro, results, resultTypes, updates, gflops, memoryRate, launch;
};

} // namespace

Graph randomGraph(uint64_t seed, int mostOps) { return Builder(seed, mostOps).run(); }

} // namespace of::test
