// Kernels from text: compiles the functions of a module, loads the object as the runtime does and
// calls them. No MLIR in this header, so that Catch and the compiler never meet in one file.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace of::test {

struct KernelInfo {
  std::string name; ///< of the function in the text
  std::string symbol;
  int64_t tiles = 0;
  std::vector<int64_t> scalars; ///< at the mesh point; the micro-batch index is 0
  std::vector<bool> isMicroIndex;
};

struct Compiled {
  std::vector<char> object;
  std::vector<KernelInfo> kernels;
  std::string errors;
};

/// Compiles each function of the module for the mesh point.
Compiled compileKernels(const std::string &text, const std::string &isa, int64_t point = 0);

/// From here on of.matmul has a kernel of its own: the product plus the logical row index. With
/// `transpose_rhs` that kernel needs a temporary.
void setMatmulKernel(bool on);

/// The best isa this machine can run, and whether it can run a given one.
std::string hostIsa();
bool hostRuns(const std::string &isa);

/// canFuse for the ops of the first function; canShareBuffer for it.
bool textCanFuse(const std::string &text);
bool textCanShare(const std::string &text, unsigned argument, unsigned result);

/// Names of the undefined dynamic symbols of an object.
std::vector<std::string> importsOf(const std::vector<char> &object);

/// An object loaded from a memory file.
class LoadedObject {
public:
  explicit LoadedObject(const std::vector<char> &bytes);
  ~LoadedObject();
  LoadedObject(const LoadedObject &) = delete;
  using Function = void (*)(void *const *, const int64_t *, int64_t, int64_t);
  Function find(const std::string &symbol) const;

private:
  void *handle = nullptr;
  int fd = -1; ///< stays open: the loader takes two objects of one path for the same
};

/// One function of a text, ready to call.
class Kernel {
public:
  Kernel(const std::string &text, const std::string &isa = hostIsa(), int64_t point = 0);
  bool ok() const { return function != nullptr; }
  const std::string &errors() const { return compiled.errors; }
  const KernelInfo &info() const { return compiled.kernels.front(); }

  /// Calls the tiles in reverse order, one by one: their order may not matter.
  void run(const std::vector<void *> &buffers, int64_t microIndex = 0) const;
  /// Calls tiles [begin, end).
  void runTiles(const std::vector<void *> &buffers, int64_t begin, int64_t end,
                int64_t microIndex = 0) const;

private:
  Compiled compiled;
  std::unique_ptr<LoadedObject> object;
  LoadedObject::Function function = nullptr;
};

} // namespace of::test
