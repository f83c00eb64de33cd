#include "lib/Schedule/ScratchSizes.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"

using namespace mlir;

namespace of {

static std::string besideMe(StringRef name) {
  static int anchor; // an address of this executable
  std::string self = llvm::sys::fs::getMainExecutable("", &anchor);
  llvm::SmallString<128> path(llvm::sys::path::parent_path(self));
  llvm::sys::path::append(path, name);
  return path.str().str();
}

static llvm::json::Value toJson(ArrayRef<ScratchQuery> queries) {
  llvm::json::Array list;
  for (const ScratchQuery &query : queries)
    list.push_back(llvm::json::Object{
        {"name", query.call.name},
        {"dtype", std::string(nameOf(query.call.dtype))},
        {"ints", llvm::json::Array(query.call.ints)},
        {"floats", llvm::json::Array(query.call.floats)},
        {"tiles", query.tiles},
    });
  return list;
}

namespace {
struct TemporaryFile {
  llvm::SmallString<128> path;
  int fd = -1;
  std::error_code create(StringRef suffix) {
    return llvm::sys::fs::createTemporaryFile("of-scratch", suffix, fd, path);
  }
  ~TemporaryFile() {
    if (!path.empty())
      llvm::sys::fs::remove(path);
  }
};
} // namespace

FailureOr<LibraryAnswer> askLibraries(Location loc, StringRef ofRun,
                                      ArrayRef<ScratchQuery> queries) {
  std::string program = ofRun.empty() ? besideMe("of-run") : ofRun.str();
  TemporaryFile in, out, error;
  if (in.create("in") || out.create("out") || error.create("err"))
    return emitError(loc) << "cannot create a temporary file to ask " << program
                          << " for the scratch memory of library routines";
  {
    llvm::raw_fd_ostream stream(in.fd, true);
    stream << toJson(queries);
  }
  std::optional<StringRef> redirects[] = {StringRef(in.path), StringRef(out.path),
                                          StringRef(error.path)};
  std::string message;
  int code = llvm::sys::ExecuteAndWait(program, {program, "probe", "--scratch"}, std::nullopt,
                                       redirects, 60, 0, &message);
  if (code != 0) {
    if (auto text = llvm::MemoryBuffer::getFile(error.path); text && message.empty())
      message = (*text)->getBuffer().rtrim().str();
    return emitError(loc) << program << " probe --scratch failed: " << message;
  }
  auto text = llvm::MemoryBuffer::getFile(out.path);
  llvm::Expected<llvm::json::Value> answer =
      llvm::json::parse(text ? (*text)->getBuffer() : StringRef());
  const llvm::json::Object *object = answer ? answer->getAsObject() : nullptr;
  if (!answer)
    llvm::consumeError(answer.takeError());
  const llvm::json::Array *scratch = object ? object->getArray("scratch") : nullptr;
  const llvm::json::Object *versions = object ? object->getObject("libraries") : nullptr;
  if (!scratch || !versions || scratch->size() != queries.size())
    return emitError(loc) << program << " probe --scratch gave no list of " << queries.size()
                          << " sizes; it is of another version";
  LibraryAnswer result;
  for (const llvm::json::Value &value : *scratch)
    result.scratch.push_back(value.getAsInteger().value_or(0));
  for (const auto &[name, version] : *versions)
    result.versions.push_back({name.str(), version.getAsString().value_or("").str()});
  llvm::sort(result.versions);
  return result;
}

} // namespace of
