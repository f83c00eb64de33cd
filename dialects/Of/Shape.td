// Ops that move elements without computing.
#ifndef OF_SHAPE_TD
#define OF_SHAPE_TD

include "dialects/Of/OfBase.td"

def Of_ReshapeOp : Of_TensorOp<"reshape", [DeclareOpInterfaceMethods<ShardingOpInterface>,
    DeclareOpInterfaceMethods<DifferentiableOpInterface>, ViewOpInterface]> {
  let summary = "the same elements in row-major order under another shape";
  let description = [{ `shape` as in ONNX: 0 copies the input's dim, one -1 is inferred. }];
  let arguments = (ins AnyRankedTensor:$input, DenseI64ArrayAttr:$shape);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$input `to` $shape attr-dict `:` functional-type(operands, results)";
}

def Of_TransposeOp : Of_TensorOp<"transpose", [DeclareOpInterfaceMethods<ShardingOpInterface>,
    DeclareOpInterfaceMethods<DifferentiableOpInterface>,
    DeclareOpInterfaceMethods<PointwiseOpInterface, ["getOperandMap", "getLinearOperandSets"]>]> {
  let summary = "result dim i is input dim permutation[i]";
  let arguments = (ins AnyRankedTensor:$input, DenseI64ArrayAttr:$permutation);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$input $permutation attr-dict `:` functional-type(operands, results)";
}

#endif
