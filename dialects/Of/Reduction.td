// Reductions.
#ifndef OF_REDUCTION_TD
#define OF_REDUCTION_TD

include "dialects/Of/OfBase.td"

class Of_ReduceOp<string mnemonic, string text> : Of_TensorOp<mnemonic, [
    DeclareOpInterfaceMethods<ShardingOpInterface>, DeclareOpInterfaceMethods<ReductionOpInterface>,
    DeclareOpInterfaceMethods<DifferentiableOpInterface>]> {
  let summary = text;
  let description = [{ Folds `dims` (ascending); `keepdims` leaves them with size 1. Where a folded dim is split the result is partial. }];
  let arguments = (ins AnyRankedTensor:$input, DenseI64ArrayAttr:$dims, UnitAttr:$keepdims);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$input `dims` $dims (`keepdims` $keepdims^)? attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Of_ReduceSumOp : Of_ReduceOp<"reduce_sum", "sum over dims">;
def Of_ReduceMaxOp : Of_ReduceOp<"reduce_max", "largest over dims; the gradient is shared evenly by all that attain it">;
def Of_ReduceMinOp : Of_ReduceOp<"reduce_min", "smallest over dims; the gradient is shared evenly by all that attain it">;

def Of_ReduceMeanOp : Of_TensorOp<"reduce_mean", [DeclareOpInterfaceMethods<DecomposableOpInterface>]> {
  let summary = "mean over dims";
  let arguments = (ins AnyRankedTensor:$input, DenseI64ArrayAttr:$dims, UnitAttr:$keepdims);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$input `dims` $dims (`keepdims` $keepdims^)? attr-dict `:` functional-type(operands, results)";
}

#endif
