// Pooling over windows of images. Global pooling is `of.reduce_mean` or `of.reduce_max`.
#ifndef OF_POOLING_TD
#define OF_POOLING_TD

include "dialects/Of/OfBase.td"

defvar PoolingArguments = (ins
  DenseI64ArrayAttr:$kernel, DefaultValuedAttr<DenseI64ArrayAttr, "{1, 1}">:$strides,
  DefaultValuedAttr<DenseI64ArrayAttr, "{0, 0, 0, 0}">:$pads, DefaultValuedAttr<DenseI64ArrayAttr, "{1, 1}">:$dilations,
  UnitAttr:$ceil_mode, DefaultValuedStrAttr<StrAttr, "nchw">:$layout);

class Of_PoolingOp<string mnemonic, string text, list<Trait> traits = []> : Of_TensorOp<mnemonic, !listconcat(traits, [
    DeclareOpInterfaceMethods<ShardingOpInterface>, DeclareOpInterfaceMethods<LoopKernelOpInterface>,
    DeclareOpInterfaceMethods<CostOpInterface>])> {
  let summary = text;
  code geometry = [{
    `kernel`, `strides`, `pads` (top, left, bottom, right), `dilations` and `ceil_mode` as in ONNX; a last window that would start behind the image and its padding before is
    left out, as PyTorch does. Images are [n, c, h, w], or [n, h, w, c] with `layout` "nhwc". Batch and channels may be split.
  }];
  let results = (outs AnyRankedTensor:$result);
}

defvar Differentiable = [DeclareOpInterfaceMethods<DifferentiableOpInterface>];

def Of_MaxPool2dOp : Of_PoolingOp<"max_pool2d", "largest value of each window", Differentiable> {
  let description = geometry # [{ Padding never wins. The first maximum of a window takes its gradient. }];
  let arguments = !con((ins AnyRankedTensor:$input), PoolingArguments);
}

def Of_MaxPool2dBackwardOp : Of_PoolingOp<"max_pool2d_backward", "gradient of max_pool2d: each window's value added to the first maximum of its input"> {
  let description = geometry # [{ Operands are the input and the gradient of the result. Windows are taken in row-major order. }];
  let arguments = !con((ins AnyRankedTensor:$input, AnyRankedTensor:$grad), PoolingArguments);
}

def Of_AvgPool2dOp : Of_PoolingOp<"avg_pool2d", "mean of each window", Differentiable> {
  let description = geometry # [{
    Divides by the number of elements of the window that lie in the image, with `count_include_pad` by those in the image or its padding.
  }];
  let arguments = !con((ins AnyRankedTensor:$input), PoolingArguments, (ins UnitAttr:$count_include_pad));
}

def Of_AvgPool2dBackwardOp : Of_PoolingOp<"avg_pool2d_backward", "gradient of avg_pool2d: each window's value spread over its elements", Differentiable> {
  let description = geometry # [{ `input_size` is [h, w] of the input. }];
  let arguments = !con((ins AnyRankedTensor:$grad, DenseI64ArrayAttr:$input_size), PoolingArguments, (ins UnitAttr:$count_include_pad));
}

#endif
