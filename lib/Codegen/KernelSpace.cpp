#include "lib/Codegen/KernelSpace.h"

#include "dialects/Of/Build.h"
#include "lib/Codegen/Codegen.h"

#include "llvm/ADT/DenseSet.h"

using namespace mlir;

namespace of {

bool isRealReduction(Operation *op) {
  auto reduction = dyn_cast<ReductionOpInterface>(op);
  if (!reduction)
    return false;
  ArrayRef<int64_t> shape = tensorType(op->getOperand(0)).getShape();
  return llvm::any_of(reduction.getReducedDims(), [&](int64_t dim) { return shape[dim] != 1; });
}

AffineMap unitViewMap(Operation *op) {
  if (!isa<ViewOpInterface, ReductionOpInterface>(op) || isRealReduction(op))
    return {};
  ArrayRef<int64_t> in = tensorType(op->getOperand(0)).getShape();
  ArrayRef<int64_t> out = tensorType(op->getResult(0)).getShape();
  MLIRContext *context = op->getContext();
  SmallVector<AffineExpr> exprs;
  size_t o = 0;
  for (int64_t size : in) {
    if (size == 1) {
      exprs.push_back(getAffineConstantExpr(0, context));
      continue;
    }
    while (o < out.size() && out[o] == 1)
      ++o;
    if (o == out.size() || out[o] != size)
      return {};
    exprs.push_back(getAffineDimExpr(o++, context));
  }
  while (o < out.size())
    if (out[o++] != 1)
      return {};
  return AffineMap::get(out.size(), 0, exprs, context);
}

bool isFusable(Operation *op) {
  if (op->getNumResults() != 1 || !isa<RankedTensorType>(op->getResult(0).getType()) ||
      !tensorType(op->getResult(0)).hasStaticShape())
    return false;
  return isa<PointwiseOpInterface>(op) || isRealReduction(op) || unitViewMap(op);
}

namespace {

/// Loops as classes of equal (anchor, dim) pairs.
class LoopClasses {
public:
  void addAnchor(ArrayRef<int64_t> shape) {
    classOf.emplace_back();
    for (auto [dim, size] : llvm::enumerate(shape)) {
      classOf.back().push_back(size == 1 ? -1 : static_cast<int>(members.size()));
      if (size != 1) {
        members.push_back(
            {{static_cast<unsigned>(classOf.size() - 1), static_cast<unsigned>(dim)}});
        extents.push_back(size);
      }
    }
  }
  int at(unsigned anchor, unsigned dim) const { return classOf[anchor][dim]; }
  const SmallVector<int> &of(unsigned anchor) const { return classOf[anchor]; }
  int64_t extent(int c) const { return extents[c]; }

  /// Makes two classes one; false, and nothing changed, if an anchor would have two dims in it or
  /// the extents differ.
  bool unite(int a, int b) {
    if (a == b)
      return true;
    if (a < 0 || b < 0 || extents[a] != extents[b])
      return false;
    for (auto [anchor, dim] : members[a])
      for (auto [other, otherDim] : members[b])
        if (anchor == other)
          return false;
    for (auto [anchor, dim] : members[b]) {
      classOf[anchor][dim] = a;
      members[a].push_back({anchor, dim});
    }
    members[b].clear();
    return true;
  }

private:
  SmallVector<SmallVector<int>> classOf;
  SmallVector<SmallVector<std::pair<unsigned, unsigned>>> members;
  SmallVector<int64_t> extents;
};

/// Where an anchor's computation reads a value.
struct Visit {
  unsigned anchor;
  AffineMap map;
};

class Analysis {
public:
  Analysis(ArrayRef<Operation *> ops, ValueRange results, std::string &why, Operation *&whyOp)
      : ops(ops), results(results), inside(ops.begin(), ops.end()), why(why), whyOp(whyOp) {}

  FailureOr<KernelSpace> run() {
    for (Operation *op : ops)
      if (!isFusable(op))
        return fail(op,
                    "is neither pointwise nor a reduction and cannot be part of a fused kernel");
    addAnchors();
    if (space.anchors.empty())
      return fail(ops.empty() ? nullptr : ops.front(), "starts a kernel that has no result");
    for (unsigned a = 0; a < space.anchors.size(); ++a)
      if (failed(walk(a, space.anchors[a].value, identity(space.anchors[a].value))))
        return failure();
    relateByReads();
    relateByShape();
    if (failed(layOut()) || failed(check()))
      return failure();
    return std::move(space);
  }

private:
  LogicalResult fail(Operation *op, const Twine &reason) {
    why = reason.str();
    whyOp = op;
    return failure();
  }
  static AffineMap identity(Value value) {
    MLIRContext *context = value.getContext();
    SmallVector<AffineExpr> exprs;
    for (auto [dim, size] : llvm::enumerate(tensorType(value).getShape()))
      exprs.push_back(size == 1 ? getAffineConstantExpr(0, context)
                                : getAffineDimExpr(dim, context));
    return AffineMap::get(exprs.size(), 0, exprs, context);
  }

  void addAnchor(Value value, Operation *reduction, int result) {
    Anchor anchor;
    anchor.value = value;
    anchor.reduction = reduction;
    anchor.result = result;
    space.anchors.push_back(anchor);
    classes.addAnchor(tensorType(value).getShape());
  }
  void addAnchors() {
    for (Operation *op : ops)
      if (isRealReduction(op)) {
        anchorOf[op] = space.anchors.size();
        addAnchor(op->getOperand(0), op, -1);
      }
    for (auto [i, value] : llvm::enumerate(results))
      addAnchor(value, nullptr, i);
  }

  /// Follows what anchor `a` needs down to arguments and folded values.
  LogicalResult walk(unsigned a, Value value, AffineMap map) {
    if (!seen.insert({a, {value, map}}).second)
      return success();
    visits[value].push_back({a, map});
    if (visits[value].size() == 1)
      order.push_back(value);
    Operation *op = value.getDefiningOp();
    if (!op || !inside.contains(op))
      return success();
    if (auto found = anchorOf.find(op); found != anchorOf.end())
      return reachFold(a, op, found->second, map);
    if (AffineMap view = unitViewMap(op))
      return walk(a, op->getOperand(0), simplifyAffineMap(view.compose(map)));
    auto pointwise = cast<PointwiseOpInterface>(op);
    for (unsigned i = 0; i < op->getNumOperands(); ++i)
      if (failed(walk(a, op->getOperand(i),
                      simplifyAffineMap(pointwise.getOperandMap(i).compose(map)))))
        return failure();
    return success();
  }

  LogicalResult reachFold(unsigned a, Operation *op, unsigned fold, AffineMap map) {
    space.anchors[a].stage = std::max(space.anchors[a].stage, space.anchors[fold].stage + 1);
    SmallVector<int64_t> dims = cast<ReductionOpInterface>(op).getReducedDims();
    ArrayRef<int64_t> shape = tensorType(op->getOperand(0)).getShape();
    bool keep = tensorType(op->getResult(0)).getRank() == tensorType(op->getOperand(0)).getRank();
    unsigned next = 0;
    for (unsigned dim = 0; dim < shape.size(); ++dim) {
      bool isFolded = llvm::is_contained(dims, dim);
      unsigned at = next;
      next += !isFolded || keep;
      if (isFolded || shape[dim] == 1)
        continue;
      auto expr = dyn_cast<AffineDimExpr>(map.getResult(at));
      if (!expr || !classes.unite(classes.at(fold, dim), classes.at(a, expr.getPosition())))
        return fail(op, "is read at other indices than those it is computed for, so its reader "
                        "cannot be fused with it");
    }
    return success();
  }

  /// Two anchors that read one value at corresponding indices share those loops, unless that would
  /// contradict what is known.
  void relateByReads() {
    for (Value value : order) {
      ArrayRef<Visit> list = visits[value];
      for (const Visit &visit : list.drop_front())
        for (unsigned i = 0; i < visit.map.getNumResults(); ++i) {
          auto x = dyn_cast<AffineDimExpr>(list[0].map.getResult(i)),
               y = dyn_cast<AffineDimExpr>(visit.map.getResult(i));
          if (x && y && visit.anchor != list[0].anchor)
            (void)classes.unite(classes.at(list[0].anchor, x.getPosition()),
                                classes.at(visit.anchor, y.getPosition()));
        }
    }
  }

  SmallVector<int> loopsOf(unsigned anchor) const {
    SmallVector<int> loops;
    for (int c : classes.of(anchor))
      if (c >= 0)
        loops.push_back(c);
    return loops;
  }

  /// Anchors that share nothing with the first are over its space if the shapes agree.
  void relateByShape() {
    for (unsigned a = 1; a < space.anchors.size(); ++a) {
      SmallVector<int> first = loopsOf(0), mine = loopsOf(a);
      if (mine.size() == first.size() &&
          llvm::none_of(mine, [&](int c) { return llvm::is_contained(first, c); }))
        for (auto [x, y] : llvm::zip(first, mine))
          (void)classes.unite(x, y);
    }
  }

  /// Orders the loops as the first anchor's dims, and finds the folded ones.
  LogicalResult layOut() {
    SmallVector<int> first = loopsOf(0);
    for (int c : first)
      space.extents.push_back(classes.extent(c));
    space.folded.assign(first.size(), false);
    if (Operation *op = space.anchors[0].reduction)
      for (int64_t dim : cast<ReductionOpInterface>(op).getReducedDims())
        if (int c = classes.at(0, dim); c >= 0)
          space.folded[llvm::find(first, c) - first.begin()] = true;
    MLIRContext *context = space.anchors[0].value.getContext();
    for (unsigned a = 0; a < space.anchors.size(); ++a) {
      Anchor &anchor = space.anchors[a];
      SmallVector<AffineExpr> exprs;
      for (int c : classes.of(a)) {
        auto at = llvm::find(first, c);
        if (c >= 0 && at == first.end())
          return fail(opOf(anchor),
                      "has a dim that is no loop of its kernel; it needs a kernel of its own");
        exprs.push_back(c < 0 ? getAffineConstantExpr(0, context)
                              : getAffineDimExpr(at - first.begin(), context));
      }
      anchor.map = AffineMap::get(first.size(), 0, exprs, context);
      space.stages = std::max(space.stages, anchor.stage + 1);
    }
    for (Value value : order)
      if (isa<BlockArgument>(value))
        for (const Visit &visit : visits[value])
          space.reads.push_back(
              {value, visit.anchor,
               simplifyAffineMap(visit.map.compose(space.anchors[visit.anchor].map))});
    return success();
  }

  static Operation *opOf(const Anchor &anchor) {
    return anchor.reduction ? anchor.reduction : anchor.value.getDefiningOp();
  }

  LogicalResult check() {
    for (unsigned a = 0; a < space.anchors.size(); ++a) {
      Anchor &anchor = space.anchors[a];
      SmallVector<bool> has(space.extents.size(), false);
      for (AffineExpr expr : anchor.map.getResults())
        if (auto dim = dyn_cast<AffineDimExpr>(expr))
          has[dim.getPosition()] = true;
      bool whole = llvm::all_of(has, [](bool b) { return b; });
      bool allButFolded = llvm::all_of(llvm::zip(has, space.folded),
                                       [](auto p) { return std::get<0>(p) != std::get<1>(p); });
      anchor.afterFold = !whole;
      if (anchor.reduction ? !whole || failed(sameFold(anchor)) : !whole && !allButFolded)
        return fail(opOf(anchor),
                    anchor.reduction
                        ? "folds other dims than the reduction its kernel started with"
                        : "spans neither the kernel's loops nor those that are not folded");
    }
    return success();
  }
  LogicalResult sameFold(const Anchor &anchor) {
    SmallVector<bool> mine(space.extents.size(), false);
    for (int64_t dim : cast<ReductionOpInterface>(anchor.reduction).getReducedDims())
      if (auto expr = dyn_cast<AffineDimExpr>(anchor.map.getResult(dim)))
        mine[expr.getPosition()] = true;
    return success(mine == space.folded);
  }

  ArrayRef<Operation *> ops;
  ValueRange results;
  llvm::DenseSet<Operation *> inside;
  std::string &why;
  Operation *&whyOp;
  KernelSpace space;
  LoopClasses classes;
  llvm::DenseMap<Operation *, unsigned> anchorOf;
  llvm::DenseMap<Value, SmallVector<Visit>> visits;
  SmallVector<Value> order;
  llvm::DenseSet<std::pair<unsigned, std::pair<Value, AffineMap>>> seen;
};

} // namespace

FailureOr<KernelSpace> analyseKernel(ArrayRef<Operation *> ops, ValueRange results,
                                     std::string &why, Operation *&whyOp) {
  return Analysis(ops, results, why, whyOp).run();
}

bool readsOnlyOwnElement(const KernelSpace &space, Value argument, unsigned result) {
  const Anchor *writer = llvm::find_if(
      space.anchors, [&](const Anchor &a) { return a.result == static_cast<int>(result); });
  return llvm::all_of(space.reads, [&](const ArgumentRead &read) {
    const Anchor &reader = space.anchors[read.anchor];
    bool before = writer->afterFold || (!reader.afterFold && reader.stage <= writer->stage);
    return read.argument != argument || (before && read.map == writer->map);
  });
}

bool canFuse(ArrayRef<Operation *> ops) {
  llvm::DenseSet<Operation *> inside(ops.begin(), ops.end());
  SmallVector<Value> results;
  for (Operation *op : ops) {
    if (!isFusable(op))
      return false;
    if (llvm::any_of(op->getUsers(), [&](Operation *user) { return !inside.contains(user); }) ||
        op->use_empty())
      results.push_back(op->getResult(0));
  }
  std::string why;
  Operation *whyOp = nullptr;
  return succeeded(analyseKernel(ops, results, why, whyOp));
}

} // namespace of
