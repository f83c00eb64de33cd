#include "lib/Distribute/Annotations.h"

#include "lib/Config/Attributes.h"
#include "lib/Config/Schema.h"
#include "lib/Distribute/JobLevels.h"

using namespace mlir;

namespace of {

// ---- Names

std::vector<std::string> nodeKeys(const DistNetwork &network) {
  std::vector<std::string> out;
  llvm::StringMap<unsigned> seen;
  for (const DistNode &node : network.nodes()) {
    out.push_back(nameOf(node).str());
    if (unsigned count = ++seen[out.back()]; count > 1)
      out.back() += "#" + std::to_string(count);
  }
  return out;
}

static std::string quoted(StringRef text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\')
      out += '\\';
    out += c;
  }
  return out + "\"";
}

// ---- Writing

static std::string shapeOf(MeshAttr mesh) {
  std::string out;
  for (auto [axis, size] : llvm::zip(mesh.getAxes(), mesh.getShape()))
    out += (out.empty() ? "" : ", ") + quoted(axis.getValue()) + ": " + std::to_string(size);
  return "{" + out + "}";
}

void AnnotationWriter::addStages(ArrayRef<int64_t> firstBlocks, ArrayRef<MeshAttr> meshes) {
  if (meshes.size() < 2)
    return;
  stages = "stages:\n";
  for (auto [block, on] : llvm::zip(firstBlocks, meshes)) {
    std::string devices;
    for (int64_t device : on.getDevices())
      devices += (devices.empty() ? "" : ", ") + std::to_string(device);
    stages += "  - {block: " + std::to_string(block) + ", mesh: " + shapeOf(on) + ", devices: [" +
              devices + "]}\n";
  }
}

void AnnotationWriter::add(StringRef program, const DistNetwork &network, const DistChoice &choice,
                           const RecomputeChoice &levels) {
  if (!levels.empty()) {
    std::string list;
    for (Recompute level : levels)
      list += (list.empty() ? "" : ", ") + nameOf(level).str();
    recompute += "  " + quoted(program) + ": [" + list + "]\n";
  }
  if (network.nodes().empty())
    return;
  if (mesh.empty())
    mesh = shapeOf(network.nodes()[0].mesh);
  std::string lines;
  std::vector<std::string> keys = nodeKeys(network);
  for (auto [node, key, index] : llvm::zip(network.nodes(), keys, choice))
    if (node.options.size() > 1 || node.isGiven)
      lines += "    " + quoted(key) + ": " + quoted(optionText(node.options[index])) + "\n";
  if (!lines.empty())
    programs += "  " + quoted(program) + ":\n" + lines;
}

std::string AnnotationWriter::text() const {
  return "# How every op runs: operands -> results, one entry by mesh axis. Lines that are taken "
         "out are chosen anew.\n" +
         (stages.empty() ? "mesh: " + mesh + "\n" : stages) +
         (programs.empty() ? "" : "programs:\n" + programs) +
         (recompute.empty()
              ? ""
              : "# What is computed again, block by block.\nrecompute:\n" + recompute);
}

// ---- Reading

static config::Key annotationKeys() {
  config::Key stage = config::object(
      "", "A stage of a pipeline.",
      {config::integer("block", "Block of the model with which it begins.").atLeast(0).required(),
       config::table("mesh", "Axes and sizes.", config::integer("", "Devices.").atLeast(1))
           .required(),
       config::list("devices", "In the order of the mesh.", config::integer("", "").atLeast(0))
           .required()});
  return config::object(
      "", "Choices of the distribute rung.",
      {config::table("mesh", "Axes and sizes.", config::integer("", "Devices.").atLeast(1)),
       config::list("stages", "Of a pipeline, instead of the mesh.", stage).otherwise("[]"),
       config::table("programs", "Program -> op -> how it runs.",
                     config::table("", "Op -> how it runs.", config::text("", "Its layouts.")))
           .otherwise("{}"),
       config::table(
           "recompute", "Program -> what is computed again.",
           config::list("", "By block and mesh.",
                        config::text("", "A level.").oneOf({"none", "selective", "full", "host"})))
           .otherwise("{}")});
}

static MeshShape shapeIn(const config::Node &mesh) {
  MeshShape out;
  for (const config::Node &axis : mesh.items)
    out.push_back({axis.key, config::integerOf(axis)});
  return out;
}

FailureOr<Annotations> Annotations::parse(ModuleOp module, StringRef file, StringRef text) {
  Annotations out;
  out.report = config::Report(file.str());
  out.root = config::parseYaml(text.str(), out.report);
  if (out.report.clean())
    out.root = config::complete(out.root, annotationKeys(), out.report);
  if (failed(emitReport(module.getContext(), out.report)))
    return failure();
  if (const config::Node *mesh = out.root.find("mesh"))
    out.shape = shapeIn(*mesh);
  out.readStages(module.getContext());
  if (failed(emitReport(module.getContext(), out.report)))
    return failure();
  return out;
}

void Annotations::readStages(MLIRContext *context) {
  const config::Node &list = config::get(root, "stages");
  for (const config::Node &item : list.items) {
    const std::vector<int64_t> devices = config::integersOf(config::get(item, "devices"));
    SmallVector<StringAttr> axes;
    SmallVector<int64_t> sizes;
    int64_t points = 1;
    for (auto &[axis, size] : shapeIn(config::get(item, "mesh"))) {
      axes.push_back(StringAttr::get(context, axis));
      sizes.push_back(size);
      points *= size;
    }
    if (points != int64_t(devices.size())) {
      report.add(item.at, "the mesh spans " + std::to_string(points) + " devices, but " +
                              std::to_string(devices.size()) + " are named");
      continue;
    }
    stageList.push_back(
        {config::integerOf(config::get(item, "block")),
         MeshAttr::get(context, "stage" + std::to_string(stageList.size()), axes, sizes, devices)});
  }
}

LogicalResult Annotations::checkStages(MLIRContext *context, int64_t blocks, int64_t devices) {
  llvm::DenseSet<int64_t> used;
  int64_t next = 0;
  for (auto [i, stage] : llvm::enumerate(stageList)) {
    const config::Position at = config::get(root, "stages").items[i].at;
    if ((i == 0 && stage.block != 0) || stage.block < next || stage.block >= blocks)
      report.add(at, "stages begin with ascending blocks, the first with 0; the model has " +
                         std::to_string(blocks));
    next = stage.block + 1;
    for (int64_t device : stage.mesh.getDevices())
      if (device >= devices || !used.insert(device).second)
        report.add(at, "device " + std::to_string(device) +
                           " is another stage's too, or not one of the cluster's " +
                           std::to_string(devices));
  }
  return emitReport(context, report);
}

static bool keepOnly(DistNode &node, StringRef text) {
  auto wanted =
      llvm::find_if(node.options, [&](const DistOption &o) { return optionText(o) == text; });
  if (wanted == node.options.end())
    return false;
  node.options.keepOnly(*wanted);
  node.isGiven = true;
  return true;
}

static std::string offers(const DistNode &node) {
  std::vector<std::string> texts;
  for (const DistOption &option :
       llvm::ArrayRef(node.options.begin(), node.options.end()).take_front(8))
    texts.push_back(optionText(option));
  std::string out = config::listOf(texts);
  return node.options.size() > texts.size()
             ? out + " and " + std::to_string(node.options.size() - texts.size()) + " more"
             : out;
}

void Annotations::checkMesh(MeshAttr mesh) {
  MeshShape now;
  for (auto [axis, size] : llvm::zip(mesh.getAxes(), mesh.getShape()))
    now.push_back({axis.getValue().str(), size});
  if (!shape.empty() && shape != now)
    report.add(root.find("mesh")->at,
               "these choices are for another mesh than the job's; change one of them");
}

FailureOr<DistNetwork> Annotations::apply(ProgramOp program, DistNetwork network) {
  const config::Node *programs = root.find("programs");
  const config::Node *lines = programs ? programs->find(program.getSymName().str()) : nullptr;
  if (network.nodes().empty())
    return network;
  checkMesh(network.nodes()[0].mesh);
  if (!lines)
    return failed(emitReport(program.getContext(), report)) ? FailureOr<DistNetwork>(failure())
                                                            : std::move(network);
  const std::vector<std::string> keys = nodeKeys(network);
  llvm::StringSet<> known;
  known.insert(keys.begin(), keys.end());
  llvm::StringMap<const config::Node *> byKey;
  for (const config::Node &line : lines->items) {
    byKey[line.key] = &line;
    if (known.contains(line.key))
      continue;
    const std::string near = config::nearest(line.key, keys);
    report.add(line.keyAt, "program '" + program.getSymName().str() + "' has no op '" + line.key +
                               "'" + (near.empty() ? "" : "; did you mean '" + near + "'?"));
  }
  size_t next = 0;
  DistNetwork out = network.with([&](DistNode &node) {
    const std::string &key = keys[next++];
    const config::Node *line = byKey.lookup(key);
    if (line && !keepOnly(node, line->text))
      report.add(line->at, "'" + key + "' does not run as '" + line->text + "' here; it offers " +
                               offers(node));
  });
  if (failed(emitReport(program.getContext(), report)))
    return failure();
  return out;
}

FailureOr<std::optional<RecomputeChoice>>
Annotations::recompute(ProgramOp program, const RecomputeGroups *of, const JobParallel &job) {
  const ArrayRef<RecomputeGroup> groups = of ? of->groups() : ArrayRef<RecomputeGroup>();
  const config::Node *programs = root.find("recompute");
  const config::Node *list = programs ? programs->find(program.getSymName().str()) : nullptr;
  if (!list)
    return std::optional<RecomputeChoice>();
  RecomputeChoice out;
  for (const config::Node &item : list->items) {
    out.push_back(*recomputeOf(item.text));
    // A group that leaves nothing has no level.
    const bool isOpen = out.size() > groups.size() || groups[out.size() - 1].needed;
    if (const std::string key = contradicts(job, out.back()); isOpen && !key.empty())
      report.add(item.at,
                 "the job has " + key + "; change one of them, or leave it open there (auto)");
  }
  if (out.size() != groups.size())
    report.add(list->at, "levels for " + std::to_string(out.size()) + " blocks, but program '" +
                             program.getSymName().str() + "' has " + std::to_string(groups.size()) +
                             " that keep values for the backward pass");
  if (failed(emitReport(program.getContext(), report)))
    return failure();
  return std::optional(std::move(out));
}

} // namespace of
