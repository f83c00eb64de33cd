#include "lib/Import/Onnx/Unsupported.h"

namespace of::onnx {

static constexpr llvm::StringLiteral
    kDataSized = "has a result whose size depends on data; sizes are fixed before a run",
    kTexts = "works on texts, which no op here takes",
    kTraining = "trains; the job's loss and optimizer do that",
    kIntegers = "computes in integers for inference; export the model before it is quantised",
    kRandom = "draws random numbers of its own generator; models get theirs by Dropout",
    kSignals = "works on signals; no op here does", kNotYet = "has no lowering here yet";

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
      {"ConvInteger", kIntegers},
      {"DequantizeLinear", kIntegers},
      {"DynamicQuantizeLinear", kIntegers},
      {"MatMulInteger", kIntegers},
      {"QLinearConv", kIntegers},
      {"QLinearMatMul", kIntegers},
      {"QuantizeLinear", kIntegers},
      {"Bernoulli", kRandom},
      {"Multinomial", kRandom},
      {"RandomNormal", kRandom},
      {"RandomNormalLike", kRandom},
      {"RandomUniform", kRandom},
      {"RandomUniformLike", kRandom},
      {"BlackmanWindow", kSignals},
      {"DFT", kSignals},
      {"HammingWindow", kSignals},
      {"HannWindow", kSignals},
      {"MelWeightMatrix", kSignals},
      {"STFT", kSignals},
      {"Attention", kNotYet},
      {"DeformConv", kNotYet},
      {"Det", kNotYet},
      {"MaxRoiPool", kNotYet},
      {"RotaryEmbedding", kNotYet},
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
