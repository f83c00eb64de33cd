#include "test/distribute/optimal/Ways.h"

#include <numeric>

using namespace mlir;

namespace of::test {

static std::vector<int64_t> dimsOf(Value v) {
  auto shape = cast<RankedTensorType>(v.getType()).getShape();
  return {shape.begin(), shape.end()};
}

static Formula productOf(MatmulOp op) {
  enum { Row, Column, Inner };
  Formula out;
  out.operands = {{Row, Inner}, {Inner, Column}};
  if (op.getTransposeLhs())
    std::swap(out.operands[0][0], out.operands[0][1]);
  if (op.getTransposeRhs())
    std::swap(out.operands[1][0], out.operands[1][1]);
  out.results = {{Row, Column}};
  const std::vector<int64_t> result = dimsOf(op->getResult(0)), lhs = dimsOf(op->getOperand(0));
  out.sizes = {result[0], result[1], lhs[op.getTransposeLhs() ? 0 : 1]};
  out.linear = {{0}, {1}};
  return out;
}

// The result's dims, with which those of operands agree from the last on.
static Formula pointwiseOf(Operation *op) {
  Formula out;
  out.sizes = dimsOf(op->getResult(0));
  std::vector<int> labels(out.sizes.size());
  std::iota(labels.begin(), labels.end(), 0);
  out.results = {labels};
  for (Value operand : op->getOperands())
    out.operands.push_back({labels.end() - dimsOf(operand).size(), labels.end()});
  if (isa<AddOp, SubOp>(op))
    out.linear = {{0, 1}};
  if (isa<MulOp>(op))
    out.linear = {{0}, {1}};
  if (isa<NegOp>(op))
    out.linear = {{0}};
  return out;
}

Formula formulaOf(Operation *op) {
  if (auto product = dyn_cast<MatmulOp>(op))
    return productOf(product);
  Formula out;
  out.linear = {{0}};
  if (isa<TransposeOp>(op)) { // of two dims
    out.operands = {{0, 1}};
    out.results = {{1, 0}};
    out.sizes = dimsOf(op->getOperand(0));
    return out;
  }
  if (isa<ReduceSumOp>(op)) { // of rows
    out.operands = {{0, 1}};
    out.results = {{1}};
    out.sizes = dimsOf(op->getOperand(0));
    return out;
  }
  return pointwiseOf(op);
}

// Where the label stands; broadcast where it does not.
static Sbp splitOf(const std::vector<int> &labels, int label) {
  auto at = std::find(labels.begin(), labels.end(), label);
  return at == labels.end() ? Sbp::broadcast() : Sbp::split(int(at - labels.begin()));
}

std::vector<Way> waysOf(const Formula &formula) {
  const std::vector<Sbp> whole(formula.operands.size(), Sbp::broadcast());
  std::vector<Way> out{{whole, std::vector<Sbp>(formula.results.size(), Sbp::broadcast()), -1}};
  for (int label = 0; label < int(formula.sizes.size()); ++label) {
    Way way{{}, {}, label};
    for (const auto &labels : formula.operands)
      way.needs.push_back(splitOf(labels, label));
    for (const auto &labels : formula.results) {
      const Sbp made = splitOf(labels, label);
      way.makes.push_back(made.isSplit() ? made : Sbp::partialSum());
    }
    out.push_back(std::move(way));
  }
  for (const std::vector<size_t> &set : formula.linear) {
    Way way{whole, std::vector<Sbp>(formula.results.size(), Sbp::partialSum()), -1};
    for (size_t operand : set)
      way.needs[operand] = Sbp::partialSum();
    out.push_back(std::move(way));
  }
  return out;
}

} // namespace of::test
