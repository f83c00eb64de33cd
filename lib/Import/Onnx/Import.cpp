#include "lib/Import/Onnx/Import.h"

#include "lib/Import/Import.h"

#include "lib/Import/Onnx/OpTable.h"
#include "lib/Import/Onnx/Unsupported.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace of::onnx {

// Calls of functions and branches lie in one another no deeper than this.
static constexpr unsigned kDeepest = 32;

Import::Import(const ModelProto &model, MLIRContext *context, StringRef file, Weights &weights)
    : context(context), b(context), files(file), model(model), file(file), weights(weights) {}

// Nodes that calls and turns may make of a model beside four times its own, so that a short file
// cannot ask for much memory. More ops, and longer names, count as more of them.
static constexpr int64_t kFewNodes = 65536, kNodeOps = 4, kNodeNameBytes = 256;

static bool isDefaultDomain(StringRef domain) { return domain.empty() || domain == "ai.onnx"; }

int64_t versionOf(const OpsetImports &opsets, StringRef domain) {
  for (auto [name, version] : opsets)
    if (name == domain || (isDefaultDomain(name) && isDefaultDomain(domain)))
      return version;
  return 0;
}

bool isMadeUp(StringRef name) {
  return name.starts_with("onnx::") || name.starts_with("/") || name.starts_with("val_") ||
         name.starts_with("_val_");
}

// ---- Names
// ---------------------------------------------------------------------------------------

// The first place of PyTorch's stack trace ("file.py(12): forward") that is not in PyTorch itself.
static Location sourceLine(StringRef doc, Location otherwise) {
  Location first = otherwise;
  while (!doc.empty()) {
    auto [line, rest] = doc.split('\n');
    doc = rest;
    auto [path, after] = line.rsplit('(');
    unsigned number = 0;
    if (after.empty() || after.split(')').first.getAsInteger(10, number))
      continue;
    Location found =
        FileLineColLoc::get(otherwise.getContext(), path.trim().ltrim("# "), number, 0);
    if (!path.contains("/torch/"))
      return FusedLoc::get(otherwise.getContext(), {found, otherwise});
    if (first == otherwise)
      first = FusedLoc::get(otherwise.getContext(), {found, otherwise});
  }
  return first;
}

Location Import::nodeLoc(const NodeProto &node, const Frame &frame) {
  // The file is no text: the "line" is the node's number.
  Location place = FileLineColLoc::get(context, file + "#node", node.number, 0);
  place = sourceLine(node.doc, place);
  for (StringRef output : node.outputs)
    if (!output.empty())
      return NameLoc::get(StringAttr::get(context, frame.prefix + output), place);
  return place;
}

LogicalResult Import::define(StringRef name, Value value, Frame &frame, Location loc) {
  if (!frame.values.try_emplace(name, value).second)
    return emitError(loc) << "value '" << name << "' is made twice; a name stands for one value";
  return success();
}

Value Import::lookup(StringRef name, Frame &frame, Location loc) {
  for (Frame *f = &frame; f; f = f->outer) {
    if (auto it = f->values.find(name); it != f->values.end())
      return it->second;
    if (const TensorProto *tensor = f->initializers.lookup(name)) {
      Value value = initializer(name, *tensor, loc);
      f->values[name] = value;
      return value;
    }
  }
  for (Frame *f = &frame; f; f = f->outer)
    if (auto it = f->uncomputed.find(name); it != f->uncomputed.end()) {
      emitError(loc) << "uses '" << name << "', " << it->second << ", which is not computed here";
      return frame.values[name] = {};
    }
  emitError(loc) << "uses '" << name << "', which no input, initialiser or node before it makes";
  frame.values[name] = {};
  return {};
}

// ---- Initialisers
// --------------------------------------------------------------------------------

static constexpr int64_t kMostFolded = 4096;

Value Import::initializer(StringRef name, const TensorProto &tensor, Location user) {
  Location loc = NameLoc::get(StringAttr::get(context, name),
                              FileLineColLoc::get(context, file + "#initializer", 0, 0));
  // A graph that runs in turns has the same parameters in each.
  if (Value made = parameters.lookup(&tensor))
    return made;
  StoredTensor opened;
  std::string error;
  if (!openTensor(tensor, files, context, opened, error)) {
    emitError(loc) << "tensor '" << name << "': " << error;
    return {};
  }
  const bool isFloat = isa<FloatType>(opened.type.getElementType());
  // What exporters compute themselves has a name of theirs. Others name a weight as they like, but
  // make no scalar one.
  const bool isNumber = model.producer == "pytorch" ? isMadeUp(name) && opened.type.getRank() < 2
                                                    : opened.type.getRank() == 0;
  if ((isFloat && !isNumber) || opened.type.getNumElements() > kMostFolded)
    return parameters[&tensor] = parameter(name, opened, !isFloat);
  DenseElementsAttr elements;
  if (!opened.load(elements, error)) {
    emitError(loc) << "tensor '" << name << "': " << error;
    return {};
  }
  return arith::ConstantOp::create(b, loc, elements);
}

Value Import::parameter(StringRef name, const StoredTensor &tensor, bool frozen) {
  OpBuilder::InsertionGuard guard(b);
  if (lastParameter)
    b.setInsertionPointAfter(lastParameter);
  else
    b.setInsertionPointToStart(&function.getBody().front());
  Location loc = NameLoc::get(StringAttr::get(context, name),
                              FileLineColLoc::get(context, file + "#initializer", 0, 0));
  auto zero = InitAttr::get(context, InitKind::Constant, DenseF64ArrayAttr::get(context, {0.0}));
  OperationState state(loc, ParameterOp::getOperationName());
  state.addAttribute("name", b.getStringAttr(name));
  state.addAttribute("init", zero);
  if (frozen)
    state.addAttribute("frozen", b.getUnitAttr());
  state.addTypes(tensor.type);
  lastParameter = b.create(state);
  weights.add(name, tensor.type, tensor.read);
  stored[name] = tensor;
  return lastParameter->getResult(0);
}

Value Import::untie(Value value, StringRef name) {
  auto parameter = value ? value.getDefiningOp<ParameterOp>() : ParameterOp();
  if (!parameter || stored.count(name))
    return {};
  return this->parameter(name, stored.lookup(parameter.getName()), parameter.getFrozen());
}

DenseElementsAttr Import::firstElements(Value value) {
  DenseElementsAttr elements;
  if (!value || matchPattern(value, m_Constant(&elements)))
    return elements;
  auto parameter = value.getDefiningOp<ParameterOp>();
  auto found = parameter ? stored.find(parameter.getName()) : stored.end();
  std::string error;
  if (found == stored.end() || found->second.type.getNumElements() > kMostFolded ||
      !found->second.load(elements, error))
    return {};
  return elements;
}

void Import::freeze(Value value) {
  if (auto parameter = value ? value.getDefiningOp<ParameterOp>() : ParameterOp())
    parameter.setFrozen(true);
}

// ---- Nodes
// ---------------------------------------------------------------------------------------

const FunctionProto *Import::functionOf(const NodeProto &node) const {
  for (const FunctionProto &f : model.functions)
    if (f.name == node.op && f.domain == node.domain && f.overload == node.overload)
      return &f;
  return nullptr;
}

LogicalResult Import::lowerNodes(ArrayRef<NodeProto> nodes, Frame &frame) {
  bool good = true;
  for (const NodeProto &node : nodes)
    good &= succeeded(lowerNode(node, frame));
  return success(good);
}

LogicalResult Import::lowerNode(const NodeProto &node, Frame &frame) {
  Location loc = nodeLoc(node, frame);
  const int64_t most = kFewNodes + 4 * static_cast<int64_t>(model.graph.nodes.size());
  if (lowered > most) // it was told
    return failure();
  lowered += 1 + static_cast<int64_t>(frame.prefix.size()) / kNodeNameBytes;
  if (lowered > most)
    return emitError(loc) << "the model's functions and loops expand into more than " << most
                          << " nodes";
  if (const FunctionProto *called = functionOf(node))
    return callFunction(*called, node, frame);
  // A node after one that failed is not to blame.
  bool isPoisoned = llvm::any_of(node.inputs, [&](StringRef input) {
    for (Frame *f = &frame; f && !input.empty(); f = f->outer)
      if (auto it = f->values.find(input); it != f->values.end())
        return !it->second;
    return false;
  });
  const int64_t opset = versionOf(*frame.opsets, node.domain);
  NodeContext made(*this, frame, node, opset, b, loc);
  Block *block = b.getInsertionBlock();
  Operation *last = block->empty() ? nullptr : &block->back();
  const OpEntry *entry = isDefaultDomain(node.domain) ? findOp(node.op) : nullptr;
  bool good = entry && opset >= entry->since && !isPoisoned;
  if (good) {
    entry->build(made);
    if (made.wants(0) && !made.results[0] && !made.hasFailed())
      made.fail("has no result here");
    good = !made.hasFailed();
  }
  if (good) {
    auto first = last ? std::next(last->getIterator()) : block->begin();
    // Parameters went in at the top; they have names of their own.
    while (first != block->end() && isa<ParameterOp>(*first))
      ++first;
    nameOps(first, block->end(), made, frame);
    lowered = std::min(most, lowered + std::distance(first, block->end()) / kNodeOps);
    foldOps(*block, first, made.results);
  }
  for (auto [i, output] : llvm::enumerate(node.outputs)) {
    if (output.empty())
      continue;
    if (good && !made.results[i])
      frame.uncomputed[output] = ("output " + Twine(i) + " of " + node.op).str();
    else
      good &= succeeded(define(output, good ? made.results[i] : Value(), frame, loc));
  }
  return success(good);
}

// A result has the name of the value it is; what leads to it a longer one. Ops that were made for
// other nodes (a branch, a parameter) have theirs.
void Import::nameOps(Block::iterator first, Block::iterator last, NodeContext &node,
                     const Frame &frame) {
  auto own = dyn_cast<NameLoc>(node.loc);
  if (!own)
    return;
  llvm::DenseMap<Operation *, StringRef> outputs;
  for (auto [value, output] : llvm::zip(node.results, node.node.outputs))
    if (Operation *op = value && !output.empty() ? value.getDefiningOp() : nullptr)
      if (op->getResult(0) == value)
        outputs.try_emplace(op, output);
  for (Operation &op : llvm::make_range(first, last)) {
    if (op.getLoc() != node.loc)
      continue;
    StringRef output = outputs.lookup(&op);
    std::string name = output.empty()
                           ? (own.getName().strref() + "." + op.getName().stripDialect()).str()
                           : frame.prefix + output.str();
    op.setLoc(NameLoc::get(StringAttr::get(context, name), own.getChildLoc()));
  }
}

LogicalResult Import::lowerGraph(const GraphProto &graph, Frame &frame,
                                 SmallVectorImpl<Value> &results) {
  if (frame.depth > kDeepest)
    return emitError(function.getLoc())
           << "graphs or functions lie in one another more than " << kDeepest << " deep";
  for (const TensorProto &tensor : graph.initializers)
    frame.initializers.try_emplace(tensor.name, &tensor);
  LogicalResult good = lowerNodes(graph.nodes, frame);
  for (const ValueInfo &output : graph.outputs)
    results.push_back(lookup(output.name, frame, function.getLoc()));
  return success(succeeded(good) &&
                 llvm::all_of(results, [](Value v) { return static_cast<bool>(v); }));
}

LogicalResult Import::callFunction(const FunctionProto &called, const NodeProto &node,
                                   Frame &frame) {
  Location loc = nodeLoc(node, frame);
  Frame inner;
  inner.depth = frame.depth + 1;
  inner.opsets = &called.opsets;
  inner.prefix = frame.prefix + (node.name.empty() ? node.op : node.name).str() + "/";
  for (const AttributeProto &attribute : called.defaults)
    inner.attributes[attribute.name] = &attribute;
  for (const AttributeProto &attribute : node.attributes) {
    const AttributeProto *bound = &attribute;
    if (!attribute.reference.empty())
      bound = frame.attributes.lookup(attribute.reference);
    if (bound)
      inner.attributes[attribute.name] = bound;
  }
  bool good = inner.depth <= kDeepest;
  if (!good)
    emitError(loc) << "function " << called.name << " is called more than " << kDeepest
                   << " deep; a function may not call itself";
  for (auto [i, input] : llvm::enumerate(called.inputs))
    if (good && i < node.inputs.size() && !node.inputs[i].empty())
      inner.values[input] = lookup(node.inputs[i], frame, loc);
  good = good && succeeded(lowerNodes(called.nodes, inner));
  for (auto [i, output] : llvm::enumerate(node.outputs)) {
    if (output.empty())
      continue;
    Value value =
        good && i < called.outputs.size() ? lookup(called.outputs[i], inner, loc) : Value();
    good &= static_cast<bool>(value);
    good &= succeeded(define(output, value, frame, loc));
  }
  return success(good);
}

// ---- What cannot be imported
// ---------------------------------------------------------------------

void Import::findRefused(ArrayRef<NodeProto> nodes, const OpsetImports &opsets,
                         const Frame &frame) {
  for (const NodeProto &node : nodes) {
    for (const AttributeProto &attribute : node.attributes)
      if (attribute.graph)
        findRefused(attribute.graph->nodes, opsets, frame);
    if (functionOf(node))
      continue;
    const int64_t opset = versionOf(opsets, node.domain);
    const OpEntry *entry = isDefaultDomain(node.domain) ? findOp(node.op) : nullptr;
    if (entry && opset >= entry->since && opset <= kNewestOpset)
      continue;
    std::string key = (node.domain.empty() ? "" : node.domain + ".").str() + node.op.str();
    Refused &found = refused[key + ", opset " + std::to_string(opset)];
    if (found.count++ == 0) {
      found.first =
          (node.name.empty() ? "node " + std::to_string(node.number) : "'" + node.name.str() + "'");
      const bool isOnnx = node.domain.empty() || node.domain.starts_with("ai.onnx");
      found.why = !entry ? (isOnnx ? whyUnsupported(node.op).str() : "is not known here")
                  : opset > kNewestOpset
                      ? "is newer than opset " + std::to_string(kNewestOpset) +
                            "; export with an older opset_version"
                      : "has its present form since opset " + std::to_string(entry->since) +
                            "; export with a newer opset_version";
    }
  }
}

LogicalResult Import::reportRefused() {
  if (refused.empty())
    return success();
  InFlightDiagnostic error = emitError(function.getLoc())
                             << "the model has ops that cannot be imported:";
  for (auto &[op, found] : refused)
    error << "\n  " << op << ": " << found.count << (found.count == 1 ? " node" : " nodes")
          << ", first " << found.first << "; it " << found.why;
  return error;
}

// Whatever took a part of a sequence took the tensor itself.
LogicalResult Import::dropSequences(ArrayRef<Value> results) {
  for (auto [value, output] : llvm::zip(results, model.graph.outputs))
    if (NodeContext::isSequence(value))
      return emitError(function.getLoc())
             << "returns '" << output.name << "', a sequence of tensors; return the tensors";
  for (auto op : llvm::make_early_inc_range(function.getOps<UnrealizedConversionCastOp>()))
    op.erase();
  return success();
}

LogicalResult Import::run(func::FuncOp into) {
  function = into;
  findRefused(model.graph.nodes, model.opsets, Frame());
  for (const FunctionProto &f : model.functions)
    findRefused(f.nodes, f.opsets, Frame());
  if (failed(reportRefused()))
    return failure();
  b.setInsertionPointToEnd(&function.getBody().front());
  Frame frame;
  frame.opsets = &model.opsets;
  for (const TensorProto &tensor : model.graph.initializers)
    frame.initializers.try_emplace(tensor.name, &tensor);
  unsigned argument = 0;
  for (const ValueInfo &input : model.graph.inputs)
    if (!frame.initializers.count(input.name) && argument < function.getNumArguments())
      frame.values[input.name] = function.getArgument(argument++);
  SmallVector<Value> results;
  if (failed(lowerGraph(model.graph, frame, results)) || failed(dropSequences(results)))
    return failure();
  std::string error;
  if (!files.checkOverlaps(error))
    return emitError(function.getLoc()) << error;
  func::ReturnOp::create(b, function.getLoc(), results);
  function.setType(
      FunctionType::get(context, function.getArgumentTypes(), ValueRange(results).getTypes()));
  for (auto [i, output] : llvm::enumerate(model.graph.outputs))
    function.setResultAttr(i, argumentNameAttrName, b.getStringAttr(output.name));
  return success();
}

} // namespace of::onnx
