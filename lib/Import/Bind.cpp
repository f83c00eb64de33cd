#include "lib/Import/Bind.h"

#include "dialects/Of/Of.h"
#include "lib/Cost/StageGroups.h"
#include "lib/Import/Import.h"
#include "lib/Import/Model.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace of {
using config::Node;
using config::Report;

// ---- Data
// ----------------------------------------------------------------------------------------------------------

namespace {
/// What the model or the loss expects of a field.
struct Use {
  std::string field;
  RankedTensorType type; ///< of a whole micro-batch
  bool integers = false; ///< class indices: any integer type
  std::string by;        ///< for messages
  int64_t holds = 0;     ///< an integer that the field's type must be able to hold
};
} // namespace

static std::string textOf(Type type) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << type;
  return text;
}

static std::string textOf(ArrayRef<int64_t> shape) {
  std::string text = "[";
  for (auto [i, dim] : llvm::enumerate(shape))
    text += (i ? ", " : "") + std::to_string(dim);
  return text + "]";
}

static std::string argumentName(func::FuncOp model, unsigned i) {
  return model.getArgAttrOfType<StringAttr>(i, argumentNameAttrName).str();
}

// The model's result that `index` names, if there is one.
static RankedTensorType resultType(func::FuncOp model, int64_t index, const char *what,
                                   config::Position at, Report &report) {
  if (index < static_cast<int64_t>(model.getNumResults()))
    return cast<RankedTensorType>(model.getResultTypes()[index]);
  report.add(at, std::string(what) + " is result " + std::to_string(index) +
                     " of the model, which has " + std::to_string(model.getNumResults()) +
                     " (they count from 0)");
  return {};
}

static void addLabels(RankedTensorType logits, const std::string &field, const std::string &by,
                      int64_t holds, config::Position at, Report &report, std::vector<Use> &uses) {
  if (!logits)
    return;
  if (logits.getRank() < 2 || !isa<FloatType>(logits.getElementType())) {
    report.add(at, by + " needs logits [batch, ..., classes], but that result of the model is " +
                       textOf(logits));
    return;
  }
  auto labels = RankedTensorType::get(logits.getShape().drop_back(),
                                      IntegerType::get(logits.getContext(), 64));
  uses.push_back({field, labels, true, by, holds});
}

// Labels of a loss over classes.
static void addLossLabels(const JobLoss &loss, RankedTensorType logits, Report &report,
                          std::vector<Use> &uses) {
  if (loss.nextToken && (logits.getRank() != 3 || logits.getDimSize(1) < 2)) {
    report.add(loss.at, loss.word +
                            " needs logits [batch, positions, classes] of at least 2 "
                            "positions, but that result of the model is " +
                            textOf(logits));
    return;
  }
  addLabels(logits, loss.target, loss.word, loss.ignore.value_or(0), loss.at, report, uses);
}

static void addLossUses(func::FuncOp model, const Job &job, Report &report,
                        std::vector<Use> &uses) {
  RankedTensorType type = resultType(model, job.loss.output, "the loss", job.loss.at, report);
  if (!type)
    return;
  if (job.loss.hasLabels())
    return addLossLabels(job.loss, type, report, uses);
  if (!job.loss.target.empty()) {
    if (!isa<FloatType>(type.getElementType()))
      report.add(job.loss.at,
                 job.loss.word + " needs a float result of the model, not " + textOf(type));
    uses.push_back({job.loss.target, type, false, job.loss.word});
    return;
  }
  bool fits = isa<FloatType>(type.getElementType()) &&
              (type.getRank() == 0 || type.getDimSize(0) == job.microRows());
  if (!fits)
    report.add(job.loss.at, "the loss is result " + std::to_string(job.loss.output) +
                                " of the model, " + textOf(type) +
                                "; it must be a float scalar or have one row per sample");
  if (fits && type.getRank() == 0 && job.evaluate && job.evaluate->loss && job.eval &&
      job.eval->samples % job.microRows())
    report.add(job.loss.at, "the model returns a mean over the batch, and the last evaluation "
                            "batch is partial: return a loss per "
                            "sample, or choose batch / accumulate so that it divides the " +
                                std::to_string(job.eval->samples) + " samples");
}

static std::vector<Use> usesOf(func::FuncOp model, const Job &job, Report &report) {
  std::vector<Use> uses;
  std::vector<std::string> names;
  for (unsigned i = 0; i < model.getNumArguments(); ++i) {
    names.push_back(argumentName(model, i));
    uses.push_back({job.fieldFor(names[i]), cast<RankedTensorType>(model.getArgumentTypes()[i]),
                    false, "argument %" + names[i] + " of the model"});
  }
  for (auto &[name, field] : job.inputs)
    if (!llvm::is_contained(names, name))
      report.add(job.train.at, "'inputs' binds '" + name +
                                   "', which is no argument of the model; its arguments are " +
                                   config::listOf(names));
  addLossUses(model, job, report, uses);
  if (job.evaluate && job.evaluate->accuracy)
    addLabels(
        resultType(model, job.evaluate->logits, "accuracy's logits", job.evaluate->at, report),
        job.evaluate->labels, "accuracy", 0, job.evaluate->at, report, uses);
  return uses;
}

static Type elementType(MLIRContext *context, const JobField &field, const Job &job,
                        Type expected) {
  if (!field.dtype)
    return expected;
  Builder b(context);
  // f32 means the job's float type, as it does in the model.
  return llvm::StringSwitch<Type>(*field.dtype)
      .Case("f32", job.precision == "fp64" ? b.getF64Type() : b.getF32Type())
      .Case("f64", b.getF64Type())
      .Case("i32", b.getI32Type())
      .Case("u8", b.getIntegerType(8, false))
      .Default(b.getI64Type());
}

static void setChild(Node &node, std::string key, Node child) {
  child.key = std::move(key);
  for (Node &item : node.items)
    if (item.key == child.key) {
      item = std::move(child);
      return;
    }
  node.items.push_back(std::move(child));
}

static Node &child(Node &node, llvm::StringRef key) {
  return const_cast<Node &>(config::get(node, key));
}

// Checks a field against its use and writes its type into the tree.
static void bindField(const Use &use, const JobField &field, const Job &job, Node &fieldNode,
                      llvm::StringMap<RankedTensorType> &bound, Report &report) {
  Type element = elementType(use.type.getContext(), field, job, use.type.getElementType());
  bool elementFits =
      use.integers ? isa<IntegerType>(element) : element == use.type.getElementType();
  if (!elementFits)
    report.add(field.at, "field '" + field.name + "' has dtype " + *field.dtype + " but " + use.by +
                             " is " + textOf(use.type));
  if (use.holds < 0 && element.isUnsignedInteger())
    report.add(field.at, "field '" + field.name + "' has dtype " + *field.dtype + " but " + use.by +
                             " ignores " + std::to_string(use.holds) +
                             ", which it cannot hold; use i32 or i64");
  ArrayRef<int64_t> expected = use.type.getShape().drop_front();
  if (use.type.getRank() == 0 || use.type.getDimSize(0) != job.microRows()) {
    report.add(field.at, use.by + " is " + textOf(use.type) + "; its first dim must be the " +
                             std::to_string(job.microRows()) + " rows of a micro-batch, or '?'");
    return;
  }
  if (field.shape && ArrayRef<int64_t>(*field.shape) != expected)
    report.add(field.at, "field '" + field.name + "' has shape " + textOf(*field.shape) + " but " +
                             use.by + " is " + textOf(use.type) + ", so a sample has " +
                             textOf(expected));
  if (field.format == "tokens" && expected != ArrayRef<int64_t>({field.sequence}))
    report.add(field.at, "field '" + field.name + "' gives sequences of " +
                             std::to_string(field.sequence) + " tokens but " + use.by + " is " +
                             textOf(use.type));
  auto type = RankedTensorType::get(use.type.getShape(), element);
  auto [it, isNew] = bound.try_emplace(field.name, type);
  if (!isNew && it->second != type)
    report.add(field.at, "field '" + field.name + "' serves as " + textOf(it->second) + " and as " +
                             textOf(type));
  Node shape;
  shape.kind = Node::Kind::List;
  for (int64_t dim : expected)
    shape.items.push_back(Node::scalar(std::to_string(dim)));
  setChild(fieldNode, "dtype", Node::scalar(std::string(nameOf(dtypeOf(element)))));
  setChild(fieldNode, "shape", std::move(shape));
}

static void bindDataset(const std::vector<Use> &uses, const JobDataset &dataset, const char *name,
                        const Job &job, Node &tree, MLIRContext *context, Report &report) {
  Node &fields = child(child(child(tree, "data"), name), "fields");
  llvm::StringMap<RankedTensorType> bound;
  for (const Use &use : uses) {
    if (const JobField *field = dataset.field(use.field)) {
      bindField(use, *field, job, child(fields, use.field), bound, report);
      continue;
    }
    std::vector<std::string> known;
    for (const JobField &field : dataset.fields)
      known.push_back(field.name);
    report.add(dataset.at, std::string("data.") + name + " has no field '" + use.field + "' for " +
                               use.by + "; it has " + config::listOf(known));
  }
  llvm::erase_if(fields.items, [&](const Node &field) {
    if (bound.contains(field.key) || !report.clean())
      return false;
    emitWarning(FileLineColLoc::get(context, report.file(), field.keyAt.line, field.keyAt.column))
        << "field '" << field.key << "' of data." << name
        << " is used by nothing and will not be read";
    return true;
  });
}

void bindData(func::FuncOp model, const Job &job, Node &tree, Report &report) {
  std::vector<Use> uses = usesOf(model, job, report);
  bindDataset(uses, job.train, "train", job, tree, model.getContext(), report);
  if (job.eval)
    bindDataset(uses, *job.eval, "eval", job, tree, model.getContext(), report);
  Node inputs;
  inputs.kind = Node::Kind::Map;
  for (unsigned i = 0; i < model.getNumArguments(); ++i)
    setChild(inputs, argumentName(model, i), Node::scalar(job.fieldFor(argumentName(model, i))));
  setChild(tree, "inputs", std::move(inputs));
}

void checkForward(func::FuncOp model, const Job &job, Report &report) {
  auto check = [&](const std::string &what, Type type) {
    auto tensor = cast<RankedTensorType>(type);
    if (tensor.getRank() == 0 || tensor.getDimSize(0) != job.microRows())
      report.add(job.batchAt, what + " of the model is " + textOf(type) +
                                  "; its first dim must be the " + std::to_string(job.microRows()) +
                                  " rows of a batch, or '?'");
  };
  for (unsigned i = 0; i < model.getNumArguments(); ++i)
    check("argument %" + argumentName(model, i), model.getArgumentTypes()[i]);
  for (unsigned i = 0; i < model.getNumResults(); ++i)
    check("result " + std::to_string(i), model.getResultTypes()[i]);
}

// ---- Mesh
// ----------------------------------------------------------------------------------------------------------

void bindMesh(const Job &job, const Cluster &cluster, Node &tree, Report &report) {
  int64_t devices = cluster.devices.size(), stages = job.parallel.stages.size() + 1;
  std::string has =
      "the cluster has " + std::to_string(devices) + " device" + (devices == 1 ? "" : "s");
  const int64_t points = stagePoints(stages, devices);
  const std::string uneven =
      has + ", which " + std::to_string(stages) + " stages do not share evenly";
  if (job.parallel.mesh.empty() && !stageGroups(stages, devices, points))
    report.add(job.parallel.at, uneven);
  if (stages > 1)
    has += devices % stages == 0 ? ", " + std::to_string(points) + " for each of " +
                                       std::to_string(stages) + " stages"
                                 : " and the job " + std::to_string(stages) + " stages";
  if (job.parallel.mesh.empty())
    return; // the compiler chooses
  int64_t known = 1;
  Node mesh;
  mesh.kind = Node::Kind::Map;
  for (auto &[axis, size] : job.parallel.mesh) {
    known *= size > 0 ? size : 1;
    setChild(mesh, axis, Node::scalar(std::to_string(size)));
  }
  for (Node &axis : mesh.items)
    if (axis.text == "-1" && points % known == 0 && points >= known) {
      axis.text = std::to_string(points / known);
      known = points;
    }
  if (!stageGroups(stages, devices, known))
    report.add(job.parallel.at,
               known == points ? uneven
                               : "the mesh spans " + std::to_string(known) + " devices but " + has);
  setChild(child(tree, "parallel"), "mesh", std::move(mesh));
}

// ---- Pins and stages
// -----------------------------------------------------------------------------------------------

static DictionaryAttr pinAttribute(MLIRContext *context, DictionaryAttr existing,
                                   const JobPin &pin) {
  NamedAttrList attrs(existing);
  for (auto &[axis, sbp] : pin.sbp)
    attrs.set(axis, StringAttr::get(context, sbp));
  return attrs.getDictionary(context);
}

static void checkPinnedDim(const JobPin &pin, Type type, Report &report) {
  int64_t rank = cast<RankedTensorType>(type).getRank();
  for (auto &[axis, sbp] : pin.sbp)
    if (sbp[0] == 'S' && std::stoll(sbp.substr(2)) >= rank)
      report.add(pin.at, "'" + pin.name + "' is " + textOf(type) + "; " + sbp +
                             " names a dim it does not have");
}

static void bindPin(func::FuncOp model, const JobPin &pin, Report &report) {
  std::vector<std::string> known;
  bool found = false;
  for (unsigned i = 0; i < model.getNumArguments() && !pin.isParameter; ++i) {
    known.push_back(argumentName(model, i));
    if (known.back() != pin.name)
      continue;
    found = true;
    checkPinnedDim(pin, model.getArgumentTypes()[i], report);
    model.setArgAttr(i, OfDialect::pinAttrName,
                     pinAttribute(model.getContext(),
                                  model.getArgAttrOfType<DictionaryAttr>(i, OfDialect::pinAttrName),
                                  pin));
  }
  for (Operation &op : model.getBody().front()) {
    auto parameter = dyn_cast<ParameterOp>(op);
    std::string name = pin.isParameter ? (parameter ? parameter.getName().str() : "")
                                       : sourceName(op.getLoc()).str();
    if (name.empty())
      continue;
    known.push_back(name);
    if (name != pin.name)
      continue;
    found = true;
    checkPinnedDim(pin, op.getResult(0).getType(), report);
    op.setAttr(OfDialect::pinAttrName,
               pinAttribute(model.getContext(),
                            op.getAttrOfType<DictionaryAttr>(OfDialect::pinAttrName), pin));
  }
  std::string near = config::nearest(pin.name, known);
  if (!found)
    report.add(pin.at, std::string("the model has no ") +
                           (pin.isParameter ? "parameter" : "value") + " '" + pin.name + "'" +
                           (near.empty() ? "" : "; did you mean '" + near + "'?"));
}

static void bindStages(func::FuncOp model, const Job &job, Report &report) {
  Builder b(model.getContext());
  size_t stage = 0;
  Block &body = model.getBody().front();
  for (Operation &op : body.without_terminator()) {
    if (stage < job.parallel.stages.size() && sourceName(op.getLoc()) == job.parallel.stages[stage])
      ++stage;
    if (op.hasAttr(OfDialect::stageAttrName))
      report.add(job.parallel.at,
                 "the job gives stages, but the model has of.stage too; drop one of them");
    op.setAttr(OfDialect::stageAttrName, b.getI64IntegerAttr(stage));
  }
  if (stage < job.parallel.stages.size())
    report.add(job.parallel.at, "stage " + std::to_string(stage + 1) + " begins with '" +
                                    job.parallel.stages[stage] +
                                    "', but the model has no such value after the ones before it");
  // What has no operands (parameters, constants) belongs to its first user, wherever it is written.
  for (Operation &op : body.without_terminator()) {
    if (op.getNumOperands())
      continue;
    Attribute first;
    for (Operation *user : op.getUsers())
      if (auto at = user->getAttrOfType<IntegerAttr>(OfDialect::stageAttrName))
        if (!first || at.getInt() < cast<IntegerAttr>(first).getInt())
          first = at;
    if (first)
      op.setAttr(OfDialect::stageAttrName, first);
  }
}

void bindPlacement(func::FuncOp model, const Job &job, Report &report) {
  for (const JobPin &pin : job.parallel.pins)
    bindPin(model, pin, report);
  if (!job.parallel.stages.empty())
    bindStages(model, job, report);
}

} // namespace of
