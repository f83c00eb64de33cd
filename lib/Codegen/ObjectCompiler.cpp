#include "lib/Codegen/ObjectCompiler.h"

#include "mlir/Target/LLVMIR/Export.h"

#include "lld/Common/Driver.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

#include <deque>

LLD_HAS_DRIVER(elf)

using namespace mlir;

namespace of {
namespace {

constexpr llvm::StringLiteral allowedImports[] = {"memcpy", "memset", "memmove"};

std::unique_ptr<llvm::TargetMachine> targetMachine(const Isa &isa) {
  std::string error;
  llvm::Triple triple("x86_64-unknown-linux-gnu");
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return nullptr;
  llvm::TargetOptions options;
  // Fused multiply-adds are those the IR asks for: how a loop is vectorised may not change what is
  // rounded.
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  return std::unique_ptr<llvm::TargetMachine>(
      target->createTargetMachine(triple, isa.name, "", options, llvm::Reloc::PIC_, std::nullopt,
                                  llvm::CodeGenOptLevel::Aggressive));
}

void setAttributes(llvm::Module &module, const Isa &isa, unsigned vectorBits) {
  for (llvm::Function &f : module) {
    if (f.isDeclaration())
      continue;
    f.addFnAttr("target-cpu", isa.name);
    f.addFnAttr("prefer-vector-width", std::to_string(vectorBits));
    f.addFnAttr(llvm::Attribute::NoUnwind);
    // Inlined into its wrapper a kernel would lose that its buffers are apart.
    if (f.hasLocalLinkage())
      f.addFnAttr(llvm::Attribute::NoInline);
  }
}

void optimise(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager sccs;
  llvm::ModuleAnalysisManager modules;
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = tuning.SLPVectorization = tuning.LoopInterleaving = true;
  llvm::PassBuilder builder(&machine, tuning);
  // There is no C library but for the three functions that copy and fill.
  llvm::TargetLibraryInfoImpl library(machine.getTargetTriple());
  library.disableAllFunctions();
  for (llvm::LibFunc f : {llvm::LibFunc_memcpy, llvm::LibFunc_memset, llvm::LibFunc_memmove})
    library.setAvailable(f);
  functions.registerPass([&] { return llvm::TargetLibraryAnalysis(library); });
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(sccs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, sccs, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3).run(module, modules);
}

/// Empty, or what is wrong.
std::string emitObject(llvm::Module &module, llvm::TargetMachine &machine,
                       SmallVectorImpl<char> &object) {
  llvm::raw_svector_ostream stream(object);
  llvm::legacy::PassManager pm;
  if (machine.addPassesToEmitFile(pm, stream, nullptr, llvm::CodeGenFileType::ObjectFile))
    return "LLVM cannot write object files for this target";
  pm.run(module);
  return "";
}

/// Empty, or what is wrong.
std::string checkImports(ArrayRef<char> object) {
  llvm::MemoryBufferRef bytes(StringRef(object.data(), object.size()), "kernels");
  auto file = llvm::object::ObjectFile::createObjectFile(bytes);
  if (!file)
    return "generated object cannot be read back: " + llvm::toString(file.takeError());
  for (const llvm::object::SymbolRef &symbol : (*file)->symbols()) {
    auto flags = symbol.getFlags();
    auto name = symbol.getName();
    if (!flags || !name)
      return "generated object has a damaged symbol table";
    if ((*flags & llvm::object::SymbolRef::SF_Undefined) && !name->empty() &&
        !llvm::is_contained(allowedImports, *name))
      return "generated kernels would call '" + name->str() +
             "', which is not there at run time: an operation in them has no expansion for this "
             "isa or element type";
  }
  return "";
}

/// A file that goes away with this object.
struct TemporaryFile {
  SmallString<128> path;
  explicit TemporaryFile(StringRef suffix) {
    failed = bool(llvm::sys::fs::createTemporaryFile("of-kernels", suffix, path));
  }
  ~TemporaryFile() {
    if (!failed)
      llvm::sys::fs::remove(path);
  }
  bool failed;
};

LogicalResult write(Location loc, ArrayRef<char> bytes, StringRef path) {
  std::error_code error;
  llvm::raw_fd_ostream stream(path, error);
  if (!error)
    stream.write(bytes.data(), bytes.size());
  stream.close();
  if (!error && !stream.has_error())
    return success();
  stream.clear_error();
  return emitError(loc) << "cannot write " << path << ": "
                        << (error ? error : stream.error()).message();
}

FailureOr<std::vector<char>> link(Location loc, ArrayRef<ArrayRef<char>> objects) {
  std::deque<TemporaryFile> in;
  TemporaryFile out("so");
  for (ArrayRef<char> object : objects) {
    if (in.emplace_back("o").failed || out.failed)
      return emitError(loc, "no temporary file can be made; check TMPDIR and its free space"),
             failure();
    if (failed(write(loc, object, in.back().path)))
      return failure();
  }
  std::string messages;
  llvm::raw_string_ostream stream(messages);
  std::vector<const char *> args = {
      "ld.lld", "-shared",     "--threads=1", "--hash-style=gnu", "--build-id=none", "-z", "now",
      "-z",     "noexecstack", "-o",          out.path.c_str()};
  for (TemporaryFile &file : in)
    args.push_back(file.path.c_str());
  lld::Result result = lld::lldMain(args, stream, stream, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode != 0)
    return emitError(loc, "linking the kernels failed: ") << messages, failure();
  auto bytes =
      llvm::MemoryBuffer::getFile(out.path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!bytes)
    return emitError(loc, "cannot read ") << out.path << ": " << bytes.getError().message(),
           failure();
  return std::vector<char>((*bytes)->getBufferStart(), (*bytes)->getBufferEnd());
}

} // namespace

/// Some functions in a context of their own. The module and what it becomes are the thread's that
/// compiles it, from its start to its end.
struct ObjectCompiler::Part {
  void compile(const Isa &isa, unsigned vectorBits) {
    std::unique_ptr<llvm::TargetMachine> machine = targetMachine(isa);
    if (!machine) {
      error = "this LLVM has no x86-64 target";
      return;
    }
    module->setTargetTriple(machine->getTargetTriple());
    module->setDataLayout(machine->createDataLayout());
    setAttributes(*module, isa, vectorBits);
    optimise(*module, *machine);
    error = emitObject(*module, *machine, object);
    if (error.empty())
      error = checkImports(object);
    module.reset();
  }

  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module;
  SmallVector<char, 0> object;
  std::string error;
};

ObjectCompiler::ObjectCompiler(Location loc, const Isa &isa, unsigned vectorBits)
    : loc(loc), isa(isa), vectorBits(vectorBits) {
  LLVMInitializeX86TargetInfo();
  LLVMInitializeX86Target();
  LLVMInitializeX86TargetMC();
  LLVMInitializeX86AsmPrinter();
}

ObjectCompiler::~ObjectCompiler() { isGivenUp = true; }

LogicalResult ObjectCompiler::add(ModuleOp module) {
  Part &part = *parts.emplace_back(std::make_unique<Part>());
  part.module = translateModuleToLLVMIR(module, part.context, "kernels");
  if (!part.module)
    return emitError(loc, "kernels cannot be translated to LLVM IR");
  threads.async([this, &part] {
    if (!isGivenUp)
      part.compile(isa, vectorBits);
  });
  return success();
}

FailureOr<std::vector<char>> ObjectCompiler::finish() {
  threads.wait();
  SmallVector<ArrayRef<char>> objects;
  for (const std::unique_ptr<Part> &part : parts) {
    if (!part->error.empty())
      return emitError(loc) << part->error, failure();
    objects.push_back(part->object);
  }
  return link(loc, objects);
}

} // namespace of
