// of-offload
//
//   before   %a = task.kernel "a" (%x) {… of.tanh … {of.block = 0, of.host}}
//            %y = task.kernel "y" (%a) {… {of.block = 1}}      …
//            %d1 = task.kernel "d1" (%dy, …)                    the first that needs block 1
//            %d0 = task.kernel "d0" (%d1, %a)                   the first that needs block 0
//   after    %a = task.kernel "a" (%x)   %h = task.to_host %a
//            %a_2 = task.after %a, %a apart   %y = task.kernel "y" (%a_2)   …
//            %d1 = …   %b = task.to_device %h, %dy   %b_2 = task.after %b, %d1 apart
//            %d0 = task.kernel "d0" (%d1, %b_2)
//
// After fusion, so that only what kernels of the backward pass really read is copied, and kernels
// are those of a program that keeps everything: its results are the same to the bit.
//
// A value comes back while the backward pass works on the block before the one that reads it: not
// earlier than what that work begins with. So a device holds what two blocks need. Each block is a
// segment of its own then, forward and backward: at the start of a segment, and only there, bytes
// can be known to be free (lib/Schedule/Lifetimes.h), and what is read must be there.
#include "dialects/Task/Task.h"
#include "lib/Physical/Passes.h"
#include "lib/Physical/SegmentLabels.h"
#include "lib/Train/Blocks.h"
#include "lib/Train/Formula.h"

#include "mlir/IR/Remarks.h"
#include "mlir/Pass/Pass.h"

using namespace mlir;

namespace of {
namespace {

/// Fewer bytes than this are not worth two messages a step.
constexpr int64_t kWorthACopy = 4096;

MeshAttr meshOf(Operation *op) { return distOf(op->getResult(0)).getMesh(); }

auto bodyOf(Operation *kernel) { return kernel->getRegion(0).front().without_terminator(); }

/// What is kept on the host of one program.
struct OnHost {
  int64_t values = 0, bytes = 0; ///< of a micro-batch; of the device that has most
};

/// Works on the ops of one micro-batch. A kernel is one of the forward pass, and of the block that
/// it gets to, if it is there before the last block: also if a derivative was fused with it.
class Offloader {
public:
  explicit Offloader(Block &block) {
    for (Operation &op : block)
      note(&op);
    const int64_t last = lastOfAll();
    for (Operation *kernel : kernels)
      if (reach[kernel] >= 0 && (reach[kernel] < last || isMarked(kernel)))
        blockOf[kernel] = reach[kernel];
  }

  OnHost run() {
    findStarts();
    OnHost out;
    for (Operation *kernel : kernels)
      if (isForward(kernel) && hosts.contains({meshOf(kernel), blockOf[kernel]}))
        for (Value value : kernel->getResults())
          if (moveToHost(value)) {
            out.values++;
            out.bytes += partBytes(value.getType());
          }
    for (Operation *kernel : kernels)
      cutBefore(kernel);
    return out;
  }

private:
  using Start = std::pair<size_t, Operation *>; ///< its position, and the kernel

  void note(Operation *op) {
    position[op] = position.size();
    int64_t last = -1;
    for (Value operand : op->getOperands())
      if (auto known = reach.find(operand.getDefiningOp()); known != reach.end())
        last = std::max(last, known->second);
    if (isa<task::KernelOp, BoxingOp>(op))
      computed.push_back(op);
    if (isa<task::KernelOp>(op)) {
      kernels.push_back(op);
      for (Operation &inner : bodyOf(op))
        if (auto number = inner.getAttrOfType<IntegerAttr>(forwardBlockAttrName)) {
          last = std::max(last, number.getInt());
          if (inner.hasAttr(hostAttrName))
            hosts.insert({meshOf(op), number.getInt()});
        }
    }
    reach[op] = last;
  }

  /// The backward pass has seen the last block; of that block's kernels those of the forward pass
  /// hold nothing else.
  int64_t lastOfAll() const {
    int64_t last = -1;
    for (Operation *kernel : kernels)
      last = std::max(last, reach.lookup(kernel));
    return last;
  }
  static bool isMarked(Operation *kernel) {
    return llvm::all_of(bodyOf(kernel), [](Operation &op) {
      return op.hasAttr(forwardBlockAttrName) || op.getNumOperands() == 0;
    });
  }

  bool isForward(Operation *op) const { return blockOf.contains(op); }

  /// Uses of a value by kernels, also through views and what holds them back.
  SmallVector<OpOperand *> usesByKernels(Value value) const {
    SmallVector<OpOperand *> out;
    for (OpOperand &use : value.getUses()) {
      if (isa<task::KernelOp>(use.getOwner()))
        out.push_back(&use);
      else if (isa<ViewOpInterface>(use.getOwner()))
        out.append(usesByKernels(use.getOwner()->getResult(0)));
    }
    return out;
  }

  /// Those of the backward pass.
  SmallVector<OpOperand *> backwardUses(Value value) const {
    SmallVector<OpOperand *> out = usesByKernels(value);
    llvm::erase_if(out, [&](OpOperand *use) {
      return isForward(use->getOwner()) || !position.contains(use->getOwner()) ||
             meshOf(use->getOwner()) != distOf(value).getMesh();
    });
    return out;
  }

  size_t firstOf(ArrayRef<OpOperand *> uses) const {
    size_t first = SIZE_MAX;
    for (OpOperand *use : uses)
      first = std::min(first, position.lookup(use->getOwner()));
    return first;
  }

  /// The last block that reads it: whose gradient is the first to need it.
  int64_t lastBlock(Value value) const {
    int64_t last = blockOf.lookup(value.getDefiningOp());
    for (OpOperand *use : usesByKernels(value))
      if (auto block = blockOf.find(use->getOwner()); block != blockOf.end())
        last = std::max(last, block->second);
    return last;
  }

  /// The first kernel of the backward pass that needs a block, for each block on each mesh.
  void findStarts() {
    llvm::MapVector<std::pair<MeshAttr, int64_t>, size_t> first;
    llvm::DenseMap<size_t, Operation *> at;
    for (Operation *kernel : kernels) {
      at[position[kernel]] = kernel;
      if (!isForward(kernel))
        continue;
      for (Value value : kernel->getResults()) {
        const size_t use = firstOf(backwardUses(value));
        if (use == SIZE_MAX)
          continue;
        size_t &known = first.try_emplace({meshOf(kernel), lastBlock(value)}, use).first->second;
        known = std::min(known, use);
      }
    }
    for (auto &[where, use] : first)
      starts[where.first].push_back({use, at[use]});
    for (auto &[mesh, list] : starts) {
      llvm::sort(list);
      list.erase(std::unique(list.begin(), list.end()), list.end());
    }
  }

  /// The start before that of the block in which the backward pass gets to a position: it works on
  /// that block while what is used there comes back. None on the mesh's first.
  const Start *startBefore(MeshAttr mesh, size_t use) const {
    auto list = starts.find(mesh);
    if (list == starts.end())
      return nullptr;
    const auto behind = llvm::upper_bound(list->second, Start{use, nullptr},
                                          [](auto &l, auto &r) { return l.first < r.first; });
    const auto blocks = behind - list->second.begin();
    return blocks < 2 ? nullptr : &list->second[blocks - 2];
  }

  /// The last value on the mesh before a position that something computes or that arrives.
  Value valueBefore(MeshAttr mesh, size_t at) const {
    Operation *last = nullptr;
    for (Operation *op : computed) {
      if (position.lookup(op) >= at)
        break;
      if (meshOf(op) == mesh)
        last = op;
    }
    return last ? smallestOf(last) : Value();
  }

  static Value smallestOf(Operation *kernel) {
    return *llvm::min_element(kernel->getResults(), [](Value a, Value b) {
      return partBytes(a.getType()) < partBytes(b.getType());
    });
  }

  bool moveToHost(Value value) {
    if (partBytes(value.getType()) < kWorthACopy)
      return false;
    const SmallVector<OpOperand *> uses = backwardUses(value);
    const size_t first = firstOf(uses);
    const MeshAttr mesh = distOf(value).getMesh();
    const Start *before = first == SIZE_MAX ? nullptr : startBefore(mesh, first);
    Value earlier = before ? valueBefore(mesh, before->first) : Value();
    if (!earlier)
      return false;
    OpBuilder b(value.getContext());
    b.setInsertionPointAfter(value.getDefiningOp());
    auto host =
        task::ToHostOp::create(b, derivedLoc(value.getLoc(), "host"), value.getType(), value);
    left[{mesh, blockOf[value.getDefiningOp()]}].push_back(value);
    b.setInsertionPoint((*llvm::find_if(uses, [&](OpOperand *use) {
                          return position.lookup(use->getOwner()) == first;
                        }))->getOwner());
    Value back = task::ToDeviceOp::create(b, derivedLoc(value.getLoc(), "back"), value.getType(),
                                          host, earlier);
    back = apart(back, smallestOf(before->second), b);
    for (OpOperand *use : uses)
      use->set(viewedAs(use->get(), value, back, b));
    return true;
  }

  /// The same value for a segment behind that of another value.
  static Value apart(Value value, Value from, OpBuilder &b) {
    return task::AfterOp::create(b, derivedLoc(value.getLoc(), "apart"), value.getType(), value,
                                 from, /*apart=*/true);
  }

  /// The views between a value and what a kernel reads, of what was brought back.
  static Value viewedAs(Value read, Value value, Value back, OpBuilder &b) {
    if (read == value)
      return back;
    Operation *view = read.getDefiningOp();
    Value inner = viewedAs(view->getOperand(0), value, back, b);
    Operation *copy = b.clone(*view);
    copy->setOperand(0, inner);
    return copy->getResult(0);
  }

  /// The last value of a block that leaves for the host and is made before a kernel.
  Value lastLeft(MeshAttr mesh, int64_t block, size_t before) const {
    Value last;
    if (auto list = left.find({mesh, block}); list != left.end())
      for (Value value : list->second)
        if (position.lookup(value.getDefiningOp()) < before)
          last = value;
    return last;
  }

  /// A forward kernel is apart from earlier blocks that leave for the host.
  void cutBefore(Operation *kernel) {
    if (!isForward(kernel))
      return;
    for (OpOperand &operand : kernel->getOpOperands()) {
      auto block = blockOf.find(rootOf(operand.get()).getDefiningOp());
      if (block == blockOf.end() || block->second >= blockOf[kernel])
        continue;
      OpBuilder b(kernel);
      if (Value from = lastLeft(meshOf(kernel), block->second, position[kernel]))
        operand.set(apart(operand.get(), from, b));
    }
  }

  llvm::DenseMap<Operation *, size_t> position; ///< of the ops that were there
  SmallVector<Operation *> kernels;
  SmallVector<Operation *> computed;                  ///< kernels and boxings
  llvm::DenseMap<Operation *, int64_t> blockOf;       ///< of kernels of the forward pass
  llvm::DenseMap<Operation *, int64_t> reach;         ///< the last block that an op has seen
  llvm::DenseSet<std::pair<MeshAttr, int64_t>> hosts; ///< blocks whose values may go to the host
  llvm::MapVector<MeshAttr, SmallVector<Start>> starts;
  /// What leaves for the host, of each block on each mesh.
  llvm::DenseMap<std::pair<MeshAttr, int64_t>, SmallVector<Value>> left;
};

struct OffloadPass : PassWrapper<OffloadPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(OffloadPass)
  StringRef getArgument() const override { return "of-offload"; }
  StringRef getDescription() const override {
    return "Keeps on the host what the backward pass needs of blocks that are marked for it";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<task::TaskDialect>();
  }

  void runOnOperation() override {
    for (ProgramOp program : getOperation().getOps<ProgramOp>()) {
      if (program.walk([](Operation *op) { return interruptIf(op->hasAttr(hostAttrName)); })
              .wasInterrupted())
        run(program);
      program.walk([](Operation *op) {
        op->removeAttr(hostAttrName);
        op->removeAttr(forwardBlockAttrName);
      });
    }
  }

  static WalkResult interruptIf(bool found) {
    return found ? WalkResult::interrupt() : WalkResult::advance();
  }

  static void run(ProgramOp program) {
    OnHost kept = Offloader(program.getBody().front()).run();
    for (auto micro : program.getBody().getOps<MicroOp>()) {
      const OnHost more = Offloader(micro.getBody().front()).run();
      kept.values += more.values;
      kept.bytes += more.bytes;
    }
    remark::analysis(program.getLoc(), remark::RemarkOpts::name("Offload").category("distribute"))
        << remark::metric("Values", kept.values) << remark::metric("Bytes", kept.bytes);
  }
};

} // namespace

std::unique_ptr<Pass> createOffloadPass() { return std::make_unique<OffloadPass>(); }

} // namespace of
