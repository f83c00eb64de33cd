// What an op declares about itself, next to its definition, so that nothing else in the tree has a list of ops.
#ifndef OF_INTERFACES_TD
#define OF_INTERFACES_TD

include "mlir/IR/OpBase.td"

class Of_Interface<string name> : OpInterface<name> { let cppNamespace = "::of"; }

def ShardingOpInterface : Of_Interface<"ShardingOpInterface"> {
  let description = [{
    Which distributions an op accepts, in factor style (cf. Shardy's sharding rules): one factor per independent dim of the computation. Splitting a
    parallel factor splits every operand and result dim that carries it; splitting a reduced factor makes the results partial. A mesh axis
    uses one signature; axes combine freely.
  }];
  let methods = [
    InterfaceMethod<"The op's factors and extra signatures.", "::of::ShardingRule", "getShardingRule">,
  ];
  let verify = [{ return ::of::verifyDistribution($_op); }];
}

def DifferentiableOpInterface : Of_Interface<"DifferentiableOpInterface"> {
  let description = [{ The vector-Jacobian product of an op, written in `of` ops. }];
  let methods = [
    InterfaceMethod<[{
      Builds the gradients of the operands at the builder's insertion point. `resultGrads` has one entry per result, null where nothing
      flows back; `operandGrads` arrives with one null entry per operand and is filled where there is a gradient. Each has its operand's type.
      Returns failure only after emitting an error.
    }], "::mlir::LogicalResult", "buildGradient",
    (ins "::mlir::OpBuilder &":$builder, "::mlir::ValueRange":$resultGrads,
         "::llvm::SmallVectorImpl<::mlir::Value> &":$operandGrads)>,
  ];
}

def DecomposableOpInterface : Of_Interface<"DecomposableOpInterface"> {
  let description = [{
    An op that is a short program of simpler ones (softmax, layer norm, cross-entropy, ...). It is rewritten before autodiff, so its
    gradient and its behaviour on split dims follow from the parts. One that is differentiable too, because its parts would keep more
    for the backward pass than it needs, is rewritten behind it.
  }];
  let methods = [
    InterfaceMethod<"Builds the replacement values at the builder's insertion point, one per result.",
      "::mlir::LogicalResult", "decompose",
      (ins "::mlir::OpBuilder &":$builder, "::llvm::SmallVectorImpl<::mlir::Value> &":$results)>,
  ];
}

def TrainingModeOpInterface : Of_Interface<"TrainingModeOpInterface"> {
  let description = [{ An op that behaves differently in training and evaluation (batch norm, dropout). }];
  let methods = [
    InterfaceMethod<"Sets the mode.", "void", "setTrainingMode", (ins "bool":$training)>,
    InterfaceMethod<[{
      Running state: triples (state operand, batch-value result, momentum). After a training step state = (1 - momentum) * state + momentum *
      mean over micro-batches of the result.
    }], "::llvm::SmallVector<::of::RunningState>", "getRunningStates", (ins), "", "return {};">,
  ];
}

def RandomOpInterface : Of_Interface<"RandomOpInterface"> {
  let description = [{ An op that draws random numbers: Philox with key (seed, op id) and counter (step, logical index). }];
  let methods = [
    InterfaceMethod<"Id, unique in the model; clones for recomputation keep it.", "int64_t", "getRandomId">,
    InterfaceMethod<"Sets the id.", "void", "setRandomId", (ins "int64_t":$id)>,
    InterfaceMethod<"Sets the job's seed and the step, a tensor<i64> that counts the steps of the run.",
      "void", "setRandomStep", (ins "int64_t":$seed, "::mlir::Value":$step)>,
  ];
}

def PointwiseOpInterface : Of_Interface<"PointwiseOpInterface"> {
  let description = [{
    An op whose one result at index (i, j, ...) is a scalar function of one element of each operand. It fuses with its like. Its sharding rule follows from the
    operand maps and the linear operand sets.
  }];
  let methods = [
    InterfaceMethod<[{
      Map from result indices to operand indices. Default: numpy broadcasting. Written for the shapes at hand (logical or local): only the
      operand's and result's types may be consulted.
    }], "::mlir::AffineMap", "getOperandMap", (ins "unsigned":$operand), "",
      "return ::of::broadcastMap($_op->getOperand(operand).getType(), $_op->getResult(0).getType());">,
    InterfaceMethod<"Emits the scalar computation with `arith` and `math`.", "::mlir::Value", "buildScalar",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::ValueRange":$operands, "::of::PointContext &":$point)>,
    InterfaceMethod<[{
      Sets of operands in which the op is jointly linear: with the operands of one set partial (sum) and the others broadcast, the result
      is partial.
    }], "::llvm::SmallVector<::llvm::SmallVector<unsigned>>", "getLinearOperandSets", (ins), "", "return {};">,
    InterfaceMethod<"Divisions behind one result, which take far longer than additions; what else does counts as several, exp as two.", "int64_t", "getFunctions",
      (ins), "", "return 0;">,
  ];
}

def ReductionOpInterface : Of_Interface<"ReductionOpInterface"> {
  let description = [{ An op that folds dims of its one operand with an associative combiner; a partial result where a folded dim is split. }];
  let methods = [
    InterfaceMethod<"Folded dims, ascending.", "::llvm::SmallVector<int64_t>", "getReducedDims">,
    InterfaceMethod<"Combiner, as the kind of partial value it leaves.", "::of::SbpKind", "getCombiner">,
  ];
}

def ViewOpInterface : Of_Interface<"ViewOpInterface"> {
  let description = [{ An op whose result is its first operand's bytes in the same row-major order (reshape): no kernel. }];
}

def KernelOpInterface : Of_Interface<"KernelOpInterface"> {
  let description = [{ An op that is lowered by itself to linalg, tensor, scf and arith on local, plain tensors. }];
  let methods = [
    InterfaceMethod<[{
      Emits the computation on tensors without encoding. `operands` are local tensors, `resultTypes` local types. `$point` gives global indices.
    }], "::mlir::LogicalResult", "buildKernel",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::ValueRange":$operands,
           "::llvm::ArrayRef<::mlir::RankedTensorType>":$resultTypes, "::of::PointContext &":$point,
           "::llvm::SmallVectorImpl<::mlir::Value> &":$results)>,
  ];
}

def LoopKernelOpInterface : Of_Interface<"LoopKernelOpInterface"> {
  let description = [{ An op that is lowered by itself to scf, arith and memref loops over its buffers, which are cut into tiles. }];
  let methods = [
    InterfaceMethod<"Tiles of a call with these local types, at least 1. They may run in any order and at the same time.", "int64_t", "getTiles",
      (ins "::llvm::ArrayRef<::mlir::RankedTensorType>":$operandTypes,
           "::llvm::ArrayRef<::mlir::RankedTensorType>":$resultTypes)>,
    InterfaceMethod<[{
      Emits tiles [tileBegin, tileEnd), two `index` values. Operands and results are memrefs of the local types, apart from each other.
    }], "void", "buildLoops",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::ValueRange":$operands, "::mlir::ValueRange":$results,
           "::mlir::Value":$tileBegin, "::mlir::Value":$tileEnd)>,
  ];
}

def LibraryOpInterface : Of_Interface<"LibraryOpInterface"> {
  let description = [{ An op done by a routine of runtime/kernel. Local types are passed in; buffers are operands, then results, then scratch. }];
  let methods = [
    InterfaceMethod<"The call for these local shapes.", "::of::LibraryCall", "getLibraryCall",
      (ins "::llvm::ArrayRef<::mlir::RankedTensorType>":$operandTypes,
           "::llvm::ArrayRef<::mlir::RankedTensorType>":$resultTypes)>,
  ];
}

def CostOpInterface : Of_Interface<"CostOpInterface"> {
  let description = [{ Work of an op on the given local shapes. Ops without it cost one flop per result element and the bytes of their types. }];
  let methods = [
    InterfaceMethod<"Floating-point operations.", "double", "getFlops",
      (ins "::llvm::ArrayRef<::mlir::RankedTensorType>":$operandTypes,
           "::llvm::ArrayRef<::mlir::RankedTensorType>":$resultTypes)>,
    InterfaceMethod<"Bytes read and written, where that is not each operand and each result once.", "double", "getBytes",
      (ins "::llvm::ArrayRef<::mlir::RankedTensorType>":$operandTypes,
           "::llvm::ArrayRef<::mlir::RankedTensorType>":$resultTypes), "", [{
        double bytes = 0;
        for (::mlir::RankedTensorType type : ::llvm::concat<const ::mlir::RankedTensorType>(operandTypes, resultTypes))
          bytes += double(::of::tensorBytes(type));
        return bytes;
      }]>,
    InterfaceMethod<"Products of a batch, which a CPU computes one by one: each is as large as its own results.", "int64_t", "getProducts",
      (ins "::llvm::ArrayRef<::mlir::RankedTensorType>":$operandTypes,
           "::llvm::ArrayRef<::mlir::RankedTensorType>":$resultTypes), "", "return 1;">,
  ];
}

#endif
