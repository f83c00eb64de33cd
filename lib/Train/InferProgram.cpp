// The infer program:
//
//   gets, rows of the inputs     %w = of.get @"fc.weight"   %x, %mask = of.read @inputs
//   the model, for evaluation    %logits = ...
//   its results                  of.output "logits", %logits
//
// The mask is there because the last batch may be padded; what the model says of those rows is cut
// off when the results are written.
#include "lib/Train/Autodiff.h"
#include "lib/Train/Decompose.h"
#include "lib/Train/Formula.h"
#include "lib/Train/Program.h"
#include "lib/Train/TrainProgram.h"

using namespace mlir;

namespace of {

JobDataset inferInputs(func::FuncOp model, const Job &job) {
  JobDataset out;
  out.samples = job.microRows(); // until files are named
  for (unsigned i = 0; i < model.getNumArguments(); ++i) {
    auto type = cast<RankedTensorType>(model.getArgumentTypes()[i]);
    JobField field;
    field.name = model.getArgAttrOfType<StringAttr>(i, "of.name").str();
    field.files = {field.name + ".npy"};
    field.format = "npy";
    field.dtype = std::string(nameOf(dtypeOf(type.getElementType())));
    field.shape = type.getShape().drop_front().vec();
    out.fields.push_back(std::move(field));
  }
  return out;
}

// Of the model's arguments; a pinned one gets a copy with its pin.
static SmallVector<Value> readInputs(OpBuilder &b, Location loc, TrainInput in) {
  JobDataset dataset = inferInputs(in.model, in.job);
  Batch batch = readBatch(b, loc, inferDataset, dataset, in.job.microRows(), true);
  Job plain = in.job;
  plain.inputs.clear(); // here a field is an argument
  return argumentsOf(b, in.model, plain, batch);
}

LogicalResult buildInfer(OpBuilder &module, TrainInput in) {
  Location loc = derivedLoc(in.model.getLoc(), "infer");
  ProgramWriter program(module, "infer", ProgramKind::Infer, in.variables, loc);
  FailureOr<ModelCopy> copy = copyModel(in.model, program.body, readInputs(program.body, loc, in),
                                        program, false, in.job.seed);
  if (failed(copy))
    return failure();
  for (auto [i, value] : llvm::enumerate(copy->results)) {
    auto name = in.model.getResultAttrOfType<StringAttr>(i, "of.name");
    OutputOp::create(program.body, value.getLoc(),
                     name ? name : module.getStringAttr("output" + Twine(i)), value);
  }
  if (failed(decomposeAll(program.program)))
    return failure();
  eraseDeadOps(program.program.getBody().front());
  return success();
}

} // namespace of
