#include "lib/Import/Onnx/Unsupported.h"

namespace of::onnx {

static constexpr llvm::StringLiteral
    kDataSized = "has a result whose size depends on data; sizes are fixed before a run",
    kTexts = "works on texts, which no op here takes",
    kTraining = "trains; the job's loss and optimizer do that",
    kRandom = "draws random numbers of its own generator; models get theirs by Dropout",
    kNotYet = "has no lowering here yet";

llvm::ArrayRef<UnsupportedOp> unsupportedOps() {
  static constexpr UnsupportedOp table[] = {
      {"NonMaxSuppression", kDataSized},
      {"NonZero", kDataSized},
      {"Unique", kDataSized},
      {"ImageDecoder", kTexts},
      {"RegexFullMatch", kTexts},
      {"StringConcat", kTexts},
      {"StringNormalizer", kTexts},
      {"StringSplit", kTexts},
      {"TfIdfVectorizer", kTexts},
      {"Adagrad", kTraining},
      {"Adam", kTraining},
      {"Gradient", kTraining},
      {"Momentum", kTraining},
      {"Bernoulli", kRandom},
      {"Multinomial", kRandom},
      {"RandomNormal", kRandom},
      {"RandomNormalLike", kRandom},
      {"RandomUniform", kRandom},
      {"RandomUniformLike", kRandom},
      {"DeformConv", kNotYet},
      {"MaxRoiPool", kNotYet},
  };
  return table;
}

llvm::StringRef whyUnsupported(llvm::StringRef name) {
  for (const UnsupportedOp &op : unsupportedOps())
    if (op.name == name)
      return op.why;
  return "is not known here";
}

} // namespace of::onnx
