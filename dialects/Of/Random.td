// Random numbers as a function of where they are used: Philox (runtime/base/Philox.h).
#ifndef OF_RANDOM_TD
#define OF_RANDOM_TD

include "dialects/Of/OfBase.td"

// Values at a logical index of the result, whatever the split: generators in the sense of Pointwise.td.
class Of_RandomOp<string mnemonic, string text> : Of_Op<mnemonic, [
    Pure, DeclareOpInterfaceMethods<ShardingOpInterface>, DeclareOpInterfaceMethods<PointwiseOpInterface>,
    DeclareOpInterfaceMethods<RandomOpInterface>, DeclareOpInterfaceMethods<CostOpInterface>]> {
  let summary = text;
  code details = [{
    Philox with key = (`seed`, `id`) and counter = (`step`, index): the row-major index of the element in the logical result. With `per_micro` the indices go on
    from micro-batch to micro-batch, as if the result were that of the whole step. Values depend on nothing else: neither on the split nor on how
    often the op runs.
  }];
  let arguments = (ins AnyRankedTensor:$step, I64Attr:$seed, I64Attr:$id, UnitAttr:$per_micro);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$step `seed` $seed `id` $id (`per_micro` $per_micro^)? attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Of_RandomUniformOp : Of_RandomOp<"random_uniform", "uniform on [0, 1)"> {
  let description = details # [{
    A type with p bits of precision takes the top p bits of its word (f64: of two words) times 2^-p.
  }];
}

def Of_RandomNormalOp : Of_RandomOp<"random_normal", "normal with mean 0 and deviation 1"> {
  let description = details # [{
    Box & Muller (1958): sqrt(-2 log(1 - u)) cos(2 pi v) of two uniform values u and v of one block.
  }];
}

def Of_DropoutOp : Of_TensorOp<"dropout", [DeclareOpInterfaceMethods<DecomposableOpInterface>,
    DeclareOpInterfaceMethods<TrainingModeOpInterface>, DeclareOpInterfaceMethods<RandomOpInterface>]> {
  let summary = "in training 0 with probability `rate`, else x / (1 - rate); x in evaluation";
  let description = [{
    An element is dropped where the uniform f32 of its index, `id` and the step is below `rate`. The index goes on over micro-batches, so the mask is one of the whole batch
    of the step, however that is cut. A model leaves `step`, `seed` and `id` out: they are filled in for training.
  }];
  let arguments = (ins AnyRankedTensor:$input, Optional<AnyRankedTensor>:$step, F64Attr:$rate, DefaultValuedAttr<I64Attr, "0">:$seed,
    DefaultValuedAttr<I64Attr, "0">:$id, UnitAttr:$training);
  let results = (outs AnyRankedTensor:$result);
  let hasVerifier = 1;
}

#endif
