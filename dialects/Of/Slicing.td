// Parts of tensors, and tensors of parts.
#ifndef OF_SLICING_TD
#define OF_SLICING_TD

include "dialects/Of/OfBase.td"

def Of_SliceOp : Of_TensorOp<"slice", [
    DeclareOpInterfaceMethods<ShardingOpInterface>, DeclareOpInterfaceMethods<DifferentiableOpInterface>,
    DeclareOpInterfaceMethods<PointwiseOpInterface, ["getOperandMap", "getLinearOperandSets"]>]> {
  let summary = "every step-th element of each dim: result[i] = input[start + i step]";
  let description = [{
    One entry per dim; size -1 takes all that there are from `starts` on in the direction of the step, which may be negative. Dims that are taken whole may be split.
  }];
  let arguments = (ins AnyRankedTensor:$input, DenseI64ArrayAttr:$starts, DenseI64ArrayAttr:$sizes, DenseI64ArrayAttr:$steps);
  let results = (outs AnyRankedTensor:$result);
}

def Of_PadOp : Of_TensorOp<"pad", [
    DeclareOpInterfaceMethods<ShardingOpInterface>, DeclareOpInterfaceMethods<DifferentiableOpInterface>,
    DeclareOpInterfaceMethods<KernelOpInterface>]> {
  let summary = "the input with a value before, behind and between its elements";
  let description = [{ One entry per dim of how many values come before the first, behind the last and between any two elements. Dims without any may be split. }];
  let arguments = (ins AnyRankedTensor:$input, DenseI64ArrayAttr:$low, DenseI64ArrayAttr:$high, DenseI64ArrayAttr:$interior,
    DefaultValuedAttr<F64Attr, "0.0">:$value);
  let results = (outs AnyRankedTensor:$result);
}

def Of_ConcatOp : Of_TensorOp<"concat", [
    DeclareOpInterfaceMethods<ShardingOpInterface>, DeclareOpInterfaceMethods<DifferentiableOpInterface>,
    DeclareOpInterfaceMethods<KernelOpInterface>]> {
  let summary = "tensors one behind the other along a dim";
  let description = [{ The other dims may be split. }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs, I64Attr:$dim);
  let results = (outs AnyRankedTensor:$result);
}

#endif
