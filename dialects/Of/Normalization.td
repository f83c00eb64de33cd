// Normalisations: moments by reductions and a pointwise apply, so that statistics span whatever is split.
#ifndef OF_NORMALIZATION_TD
#define OF_NORMALIZATION_TD

include "dialects/Of/OfBase.td"

def Of_BatchNormOp : Of_TensorOp<"batch_norm", [DeclareOpInterfaceMethods<DecomposableOpInterface>,
    DeclareOpInterfaceMethods<TrainingModeOpInterface, ["getRunningStates"]>]> {
  let summary = "(x - mean) / sqrt(variance + epsilon) * scale + bias, per channel";
  let description = [{
    Vectors of one value per channel, the dim `dim` of the input. In evaluation mean and variance are the running ones. With `training` they are those of the
    micro-batch on all devices (the variance divided by n), and the other two results are the mean and the variance divided by n - 1, which the
    running statistics follow: state = (1 - `momentum`) * state + `momentum` * value, as in PyTorch. Computed in f32 for narrower inputs.
  }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$scale, AnyRankedTensor:$bias, AnyRankedTensor:$running_mean,
    AnyRankedTensor:$running_variance, DefaultValuedAttr<F64Attr, "1e-5">:$epsilon, DefaultValuedAttr<F64Attr, "0.1">:$momentum,
    DefaultValuedAttr<I64Attr, "1">:$dim, UnitAttr:$training);
  let results = (outs AnyRankedTensor:$result, AnyRankedTensor:$batch_mean, AnyRankedTensor:$batch_variance);
}

def Of_LayerNormOp : Of_TensorOp<"layer_norm", [DeclareOpInterfaceMethods<DecomposableOpInterface>]> {
  let summary = "(x - mean) / sqrt(variance + epsilon) * scale + bias over the last dims";
  let description = [{
    Mean and variance (divided by n) are over the dims from `dim` on, negative ones count from the back. Scale and bias have the shape of these dims, or broadcast to it.
    Computed in f32 for narrower inputs.
  }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$scale, Optional<AnyRankedTensor>:$bias,
    DefaultValuedAttr<F64Attr, "1e-5">:$epsilon, DefaultValuedAttr<I64Attr, "-1">:$dim);
  let results = (outs AnyRankedTensor:$result);
}

def Of_GroupNormOp : Of_TensorOp<"group_norm", [DeclareOpInterfaceMethods<DecomposableOpInterface>]> {
  let summary = "(x - mean) / sqrt(variance + epsilon) * scale + bias over groups of channels of each sample";
  let description = [{
    Input [n, c, ...]; mean and variance (divided by n) are over each of `groups` groups of c / groups channels and all dims behind them. Scale and bias have one
    value per channel. With as many groups as channels it is instance normalisation. Computed in f32 for narrower inputs.
  }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$scale, AnyRankedTensor:$bias, I64Attr:$groups,
    DefaultValuedAttr<F64Attr, "1e-5">:$epsilon);
  let results = (outs AnyRankedTensor:$result);
}

#endif
