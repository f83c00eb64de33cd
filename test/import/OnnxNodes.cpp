// of-onnx-nodes: the node tests of ONNX (libonnx-testdata), each imported, run and compared.
//
//   of-onnx-nodes FOLDER [--every N] [--only TEXT] [--list] [--table] [--expect FILE]
//
// A model is imported as a job would, its inputs as arguments; where it asks for values now (axes,
// shapes) integers and scalars are given as constants. Every test runs in a process of its own. It
// passes (1e-3 of the value and 1e-5), is refused with the importer's reason, or fails: then the
// exit code is 1. --every N takes every N-th test, --list names each with its op and outcome,
// --table sums up by op, in Markdown. --expect holds the outcomes against what --list wrote before.
#include "dialects/Of/Of.h"
#include "lib/Import/Onnx/Onnx.h"
#include "lib/Import/Onnx/TensorData.h"
#include "test/import/ImportedText.h"
#include "test/of/OpKernels.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <sys/wait.h>
#include <unistd.h>

using namespace mlir;
using namespace of;
using of::test::Array;
using of::test::arrayOf;
using of::test::textOf;
using onnx::TensorProto;

namespace {

/// A tensor of a test's data, and the file it lies in.
struct Given {
  std::unique_ptr<llvm::MemoryBuffer> file;
  TensorProto tensor;
  Array array;
};

struct Outcome {
  enum Kind : char { Passed = 'p', Refused = 'r', Failed = 'f' } kind;
  std::string why;
};

} // namespace

// Empty if the file holds no tensor that is known here (a sequence, texts).
static std::string readGiven(StringRef path, MLIRContext *context, Given &out) {
  auto buffer = llvm::MemoryBuffer::getFile(path, false, false);
  std::string error;
  if (!buffer)
    return "no file " + path.str();
  out.file = std::move(*buffer);
  if (!onnx::parseTensor(out.file->getBuffer(), out.tensor, error))
    return error;
  onnx::ExternalFiles files(path);
  onnx::StoredTensor stored;
  if (!openTensor(out.tensor, files, context, stored, error))
    return error;
  std::vector<char> bytes(stored.type.getNumElements() *
                          of::test::elementBytes(stored.type.getElementType()));
  if (!bytes.empty() && !stored.read(0, bytes, error))
    return error;
  out.array = arrayOf(stored.type, bytes);
  return "";
}

static bool agree(double ours, double theirs) {
  if (std::isnan(theirs) || std::isinf(theirs))
    return std::isnan(theirs) ? std::isnan(ours) : ours == theirs;
  return std::abs(ours - theirs) <= 1e-5 + 1e-3 * std::abs(theirs);
}

static std::string compare(const Array &ours, const Array &theirs) {
  if (ours.shape != theirs.shape)
    return "a result has another shape";
  for (size_t i = 0; i < theirs.values.size(); ++i)
    if (!agree(ours.values[i], theirs.values[i]))
      return "element " + std::to_string(i) + " is " + std::to_string(ours.values[i]) + ", not " +
             std::to_string(theirs.values[i]);
  return "";
}

namespace {

class Case {
public:
  explicit Case(StringRef folder) : folder(folder) {
    handler.emplace(&context, [this](Diagnostic &d) {
      if (d.getSeverity() == DiagnosticSeverity::Error)
        errors += (errors.empty() ? "" : "; ") + d.str();
      return success();
    });
    context.loadDialect<OfDialect, func::FuncDialect>();
  }

  Outcome run() {
    if (std::string why = readAll("input", inputs); !why.empty())
      return {Outcome::Refused, why};
    if (std::string why = readAll("output", outputs); !why.empty())
      return {Outcome::Refused, why};
    if (!import())
      return {Outcome::Refused, errors};
    return evaluate();
  }

private:
  std::string readAll(StringRef what, std::vector<Given> &out) {
    for (int i = 0;; ++i) {
      std::string path = (folder + "/test_data_set_0/" + what + "_" + Twine(i) + ".pb").str();
      if (!llvm::sys::fs::exists(path))
        return "";
      if (std::string why = readGiven(path, &context, out.emplace_back()); !why.empty())
        return why;
    }
  }

  // Which inputs are constants: none, integers, also scalars and short lists behind the first.
  bool isKnown(const Given &given, int attempt) const {
    const bool isFloat = given.tensor.elementType == 1 || given.tensor.elementType == 11;
    const bool isShort =
        given.tensor.dims.empty() ||
        (&given != &inputs[0] && given.tensor.dims.size() == 1 && given.array.values.size() <= 8);
    return attempt > 0 && (!isFloat || (attempt > 1 && isShort));
  }

  bool import() {
    for (attempt = 0; attempt < 3; ++attempt) {
      errors.clear();
      weights = Weights();
      onnx::ModelRequest request{folder + "/model.onnx", 0};
      // Inputs are asked for in the order of the data.
      size_t next = 0;
      request.known = [&](StringRef) -> const TensorProto * {
        const size_t i = next++;
        return i < inputs.size() && isKnown(inputs[i], attempt) ? &inputs[i].tensor : nullptr;
      };
      module = onnx::readModel(&context, request, weights);
      if (module)
        return true;
    }
    return false;
  }

  Outcome evaluate() {
    std::vector<Array> arguments;
    for (const Given &input : inputs)
      if (!isKnown(input, attempt))
        arguments.push_back(input.array);
    std::string text = textOf(*module, weights, arguments);
    of::test::Evaluator evaluator(text, {});
    if (!evaluator.errors().empty())
      return {Outcome::Refused, "no code for it: " + evaluator.errors()};
    std::vector<Array> results = evaluator.results(arguments);
    for (size_t i = 0; i < results.size() && i < outputs.size(); ++i)
      if (std::string why = compare(results[i], outputs[i].array); !why.empty())
        return {Outcome::Failed, why};
    return {Outcome::Passed, ""};
  }

  std::string folder, errors;
  MLIRContext context{MLIRContext::Threading::DISABLED};
  std::optional<ScopedDiagnosticHandler> handler;
  std::vector<Given> inputs, outputs;
  Weights weights;
  OwningOpRef<ModuleOp> module;
  int attempt = 0;
};

} // namespace

static bool parse(const std::string &folder, std::unique_ptr<llvm::MemoryBuffer> &file,
                  onnx::ModelProto &model) {
  std::string error;
  auto buffer = llvm::MemoryBuffer::getFile(folder + "/model.onnx", false, false);
  if (!buffer || !onnx::parseModel((*buffer)->getBuffer(), model, error))
    return false;
  file = std::move(*buffer);
  return true;
}

// Else its data are no tensors either, which is all that is read here.
static bool takesTensors(const std::string &folder) {
  onnx::ModelProto model;
  std::unique_ptr<llvm::MemoryBuffer> file;
  auto isTensor = [](const onnx::ValueInfo &value) { return value.isTensor; };
  return !parse(folder, file, model) || (llvm::all_of(model.graph.inputs, isTensor) &&
                                         llvm::all_of(model.graph.outputs, isTensor));
}

// Runs a case in a process of its own, so that a crash is one case's.
static Outcome runApart(const std::string &folder) {
  if (!takesTensors(folder))
    return {Outcome::Refused,
            "it takes or gives sequences or optional values; a model's are tensors"};
  int pipe[2];
  if (::pipe(pipe) != 0)
    return {Outcome::Failed, "no pipe"};
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    Outcome outcome = Case(folder).run();
    std::string text = std::string(1, outcome.kind) + outcome.why;
    text.resize(std::min<size_t>(text.size(), 4000));
    const ssize_t written = write(pipe[1], text.data(), text.size());
    _exit(written == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  close(pipe[1]);
  char buffer[4096];
  const ssize_t size = read(pipe[0], buffer, sizeof buffer);
  close(pipe[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (size < 1 || status != 0)
    return {Outcome::Failed, "crashed"};
  return {static_cast<Outcome::Kind>(buffer[0]), std::string(buffer + 1, size - 1)};
}

// The op that a test is for, or what else it shows.
static std::string opOf(const std::string &folder) {
  onnx::ModelProto model;
  std::unique_ptr<llvm::MemoryBuffer> file;
  if (!parse(folder, file, model))
    return "?";
  return model.graph.nodes.size() == 1 ? model.graph.nodes[0].op.str() : "several ops";
}

namespace {
/// Outcomes of the tests of an op.
struct Tally {
  int passed = 0, refused = 0, failed = 0;
  std::set<std::string> reasons;

  void count(const Outcome &outcome) {
    passed += outcome.kind == Outcome::Passed;
    refused += outcome.kind == Outcome::Refused;
    failed += outcome.kind == Outcome::Failed;
    if (outcome.kind == Outcome::Refused)
      reasons.insert(outcome.why.substr(
          outcome.why.rfind("; it ") == std::string::npos ? 0 : outcome.why.rfind("; it ") + 5));
  }
};
} // namespace

static void printTable(const std::map<std::string, Tally> &tallies) {
  llvm::outs()
      << "| op | passed | refused | failed | refused because it |\n| --- | --- | --- | --- "
         "| --- |\n";
  for (const auto &[op, tally] : tallies)
    llvm::outs() << "| " << op << " | " << tally.passed << " | " << tally.refused << " | "
                 << tally.failed << " | " << llvm::join(tally.reasons, "; ") << " |\n";
}

// Half precision has code where the processor converts it.
static bool dependsOnProcessor(StringRef why) {
  return why.contains("no code for it") && why.contains("hf");
}

// Outcomes by test, as --list writes them, but for those of this machine alone.
static std::map<std::string, std::string> outcomesOf(const std::string &file) {
  std::map<std::string, std::string> out;
  auto buffer = llvm::MemoryBuffer::getFile(file);
  if (!buffer)
    return out;
  SmallVector<StringRef> lines;
  (*buffer)->getBuffer().split(lines, '\n');
  for (StringRef line : lines) {
    auto [outcome, rest] = line.split(' ');
    out[rest.ltrim().split(' ').first.str()] = dependsOnProcessor(rest) ? "" : outcome.str();
  }
  return out;
}

int main(int argc, char **argv) {
  std::string root, only, expected;
  int every = 1;
  bool lists = false, sums = false;
  for (int i = 1; i < argc; ++i) {
    StringRef word = argv[i];
    if (word == "--list")
      lists = true;
    else if (word == "--table")
      sums = true;
    else if (word == "--every" && i + 1 < argc)
      every = std::max(1, atoi(argv[++i]));
    else if (word == "--only" && i + 1 < argc)
      only = argv[++i];
    else if (word == "--expect" && i + 1 < argc)
      expected = argv[++i];
    else
      root = word.str();
  }
  std::vector<std::string> names;
  std::error_code code;
  for (llvm::sys::fs::directory_iterator at(root, code), end; !code && at != end;
       at.increment(code))
    if (StringRef name = llvm::sys::path::filename(at->path()); name.contains(only))
      // Whose masks are those of another generator.
      if (!name.contains("training_dropout") || name.contains("zero_ratio"))
        names.push_back(name.str());
  llvm::sort(names);
  std::map<Outcome::Kind, int> count;
  std::map<std::string, Tally> tallies;
  const std::map<std::string, std::string> before = outcomesOf(expected);
  int changed = !expected.empty() && before.empty();
  if (changed)
    llvm::outs() << "no outcomes can be read from " << expected << "\n";
  for (size_t i = 0; i < names.size(); i += every) {
    Outcome outcome = runApart(root + "/" + names[i]);
    ++count[outcome.kind];
    const char *word = outcome.kind == Outcome::Passed    ? "passed "
                       : outcome.kind == Outcome::Refused ? "refused"
                                                          : "FAILED ";
    std::replace(outcome.why.begin(), outcome.why.end(), '\n', ' ');
    const std::string op = sums || lists ? opOf(root + "/" + names[i]) : "";
    if (sums)
      tallies[op].count(outcome);
    if (lists || outcome.kind == Outcome::Failed)
      llvm::outs() << word << " " << names[i] << (lists ? " (" + op + ")" : "")
                   << (outcome.why.empty() ? "" : ": ") << outcome.why << "\n";
    auto found = before.find(names[i]);
    const bool isFree =
        dependsOnProcessor(outcome.why) || (found != before.end() && found->second.empty());
    if (!before.empty() && !isFree &&
        (found == before.end() || found->second != StringRef(word).rtrim())) {
      ++changed;
      llvm::outs() << names[i] << " " << word << "; " << expected << " says "
                   << (found == before.end() ? "nothing" : found->second) << ", write it anew\n";
    }
  }
  if (sums)
    printTable(tallies);
  llvm::outs() << count[Outcome::Passed] << " passed, " << count[Outcome::Refused]
               << " refused with a reason, " << count[Outcome::Failed] << " failed\n";
  return names.empty() || count[Outcome::Failed] || changed ? 1 : 0;
}
