#include "runtime/node/Inference.h"

#include "runtime/data/NpyFile.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>

namespace of::rt {

namespace {

Status wrong(std::string message) { return Status(Code::InvalidArgument, std::move(message)); }

const plan::Program *inferProgram(const plan::Plan &plan) {
  for (const plan::Program *program : *plan.programs())
    if (program->kind() == plan::ProgramKind::Infer && program->dataset() >= 0)
      return program;
  return nullptr;
}

/// `given` with every name known and an empty one replaced by the only name.
Result<NamedFiles> resolve(const NamedFiles &given, const std::vector<std::string> &names,
                           const char *what) {
  NamedFiles out;
  for (const auto &[name, file] : given) {
    if (name.empty() && names.size() != 1)
      return wrong(fmt::format("the plan has the {0}s {1}; say which is {2}: --{0} NAME=FILE", what,
                               fmt::join(names, ", "), file));
    const std::string &meant = name.empty() ? names[0] : name;
    if (std::find(names.begin(), names.end(), meant) == names.end())
      return wrong(
          fmt::format("the plan has no {} '{}'; it has {}", what, meant, fmt::join(names, ", ")));
    if (!out.emplace(meant, file).second)
      return wrong(fmt::format("{} '{}' is given twice", what, meant));
  }
  return out;
}

/// Opens the header of an input's file; its rows.
Result<uint64_t> checkInput(const plan::FieldT &field, const std::string &path) {
  OF_ASSIGN(const NpyInfo info, npyInfo(path));
  const DType dtype = static_cast<DType>(field.dtype);
  const Shape sample(info.shape.begin() + (info.shape.empty() ? 0 : 1), info.shape.end());
  if (!holdsValuesOf(dtype, info.dtype))
    return wrong(
        fmt::format("{} holds {}, input '{}' of the plan is {}; convert it, or compile for "
                    "a model that takes {}",
                    path, info.dtype, field.name, nameOf(dtype), info.dtype));
  if (info.shape.empty() || sample != field.shape)
    return wrong(fmt::format("{} has shape [{}], input '{}' of the plan takes [rows{}{}]", path,
                             fmt::join(info.shape, ", "), field.name,
                             field.shape.empty() ? "" : ", ", fmt::join(field.shape, ", ")));
  if (info.shape[0] == 0)
    return wrong(path + " has no rows");
  return static_cast<uint64_t>(info.shape[0]);
}

Status bindFiles(plan::DatasetT &dataset, const NamedFiles &files) {
  std::string first;
  for (auto &field : dataset.fields) {
    const auto file = files.find(field->name);
    if (file == files.end())
      return wrong(fmt::format("input '{}' of the plan has no file; give --input {}=@FILE.npy",
                               field->name, field->name));
    OF_ASSIGN(const uint64_t rows, checkInput(*field, file->second));
    if (!first.empty() && rows != dataset.samples)
      return wrong(
          fmt::format("{} has {} rows, but {} has {}", file->second, rows, first, dataset.samples));
    first = file->second;
    dataset.samples = rows;
    field->files = {file->second};
    field->format = "npy";
  }
  return Status::ok();
}

uint64_t batchRows(const plan::PlanT &plan, uint32_t dataset) {
  for (const auto &role : plan.roles)
    for (const auto &program : role->programs)
      for (const auto &task : program->tasks)
        if (const plan::ReadT *read = task->body.AsRead(); read && read->dataset == dataset)
          return read->global_rows;
  return 0;
}

void setCount(plan::LoopT &loop, int32_t program, uint64_t count) {
  if (loop.program == program)
    loop.count = count;
  for (auto &child : loop.body)
    setCount(*child, program, count);
}

int32_t indexOf(const plan::PlanT &plan, const std::string &program) {
  for (size_t i = 0; i < plan.programs.size(); ++i)
    if (plan.programs[i]->name == program)
      return static_cast<int32_t>(i);
  return -1;
}

} // namespace

bool isForward(const plan::Plan &plan) { return inferProgram(plan); }

uint64_t forwardSamples(const plan::Plan &plan) {
  const plan::Program *program = inferProgram(plan);
  return program ? plan.datasets()->Get(static_cast<uint32_t>(program->dataset()))->samples() : 0;
}

Result<std::vector<uint8_t>> bindInputs(const plan::Plan &plan, const NamedFiles &inputs) {
  const plan::Program *program = inferProgram(plan);
  if (!program)
    return wrong("the plan does not run a model forward; compile the job with --inference");
  const std::unique_ptr<plan::PlanT> bound(plan.UnPack());
  const auto index = static_cast<uint32_t>(program->dataset());
  plan::DatasetT &dataset = *bound->datasets[index];
  std::vector<std::string> names;
  for (const auto &field : dataset.fields)
    names.push_back(field->name);
  OF_ASSIGN(const NamedFiles files, resolve(inputs, names, "input"));
  OF_TRY(bindFiles(dataset, files));
  const uint64_t rows = batchRows(*bound, index);
  if (rows == 0)
    return Status(Code::Corrupt, "the plan runs a model forward but reads nothing");
  setCount(*bound->schedule, indexOf(*bound, program->name()->str()),
           (dataset.samples + rows - 1) / rows);
  flatbuffers::FlatBufferBuilder builder;
  plan::FinishPlanBuffer(builder, plan::Plan::Pack(builder, bound.get()));
  return std::vector<uint8_t>(builder.GetBufferPointer(),
                              builder.GetBufferPointer() + builder.GetSize());
}

Result<NamedFiles> bindOutputs(const plan::Plan &plan, const NamedFiles &outputs) {
  std::set<std::string> found;
  for (const plan::Role *role : *plan.roles())
    for (const plan::RoleProgram *program : *role->programs())
      for (const plan::Task *task : *program->tasks())
        if (const plan::Output *output = task->body_as_Output())
          found.insert(output->name()->str());
  const std::vector<std::string> names(found.begin(), found.end());
  if (outputs.empty())
    return wrong(fmt::format("name a file for a result of the model: --output NAME=FILE.npy, where "
                             "NAME is {}",
                             fmt::join(names, " or ")));
  return resolve(outputs, names, "output");
}

} // namespace of::rt
