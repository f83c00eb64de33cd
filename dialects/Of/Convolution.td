// 2-d convolutions and the two products that are their gradients: the library does them.
#ifndef OF_CONVOLUTION_TD
#define OF_CONVOLUTION_TD

include "dialects/Of/OfBase.td"

defvar ConvolutionArguments = (ins
  DefaultValuedAttr<DenseI64ArrayAttr, "{1, 1}">:$strides, DefaultValuedAttr<DenseI64ArrayAttr, "{0, 0, 0, 0}">:$pads,
  DefaultValuedAttr<DenseI64ArrayAttr, "{1, 1}">:$dilations, DefaultValuedAttr<I64Attr, "1">:$groups,
  DefaultValuedStrAttr<StrAttr, "nchw">:$layout);

class Of_ConvolutionOp<string mnemonic, string text> : Of_TensorOp<mnemonic, [
    DeclareOpInterfaceMethods<ShardingOpInterface>, DeclareOpInterfaceMethods<DifferentiableOpInterface>,
    DeclareOpInterfaceMethods<LibraryOpInterface>, DeclareOpInterfaceMethods<CostOpInterface>]> {
  let summary = text;
  code geometry = [{
    Images are [n, c, h, w], or [n, h, w, c] with `layout` "nhwc"; weights are [o, c / groups, kh, kw] for both. `pads` are top, left, bottom, right. The batch, the output
    channels and the input channels may be split (the sum over input channels is then partial); with groups, whole groups may.
  }];
  let results = (outs AnyRankedTensor:$result);
}

def Of_Conv2dOp : Of_ConvolutionOp<"conv2d", "2-d convolution (cross-correlation, as in all frameworks)"> {
  let description = geometry # [{
    A bias is an `of.add` of a vector reshaped to [c, 1, 1] or [c]. Size of the result: floor((in + pads - dilation (kernel - 1) - 1) / stride) + 1.
  }];
  let arguments = !con((ins AnyRankedTensor:$input, AnyRankedTensor:$weight), ConvolutionArguments);
}

def Of_Conv2dBackwardDataOp : Of_ConvolutionOp<"conv2d_backward_data", "gradient of a convolution's input; a transposed convolution"> {
  let description = geometry # [{ Operands are the gradient of the result and the weights; `input_size` is [h, w] of the input. }];
  let arguments = !con((ins AnyRankedTensor:$grad, AnyRankedTensor:$weight, DenseI64ArrayAttr:$input_size), ConvolutionArguments);
}

def Of_Conv2dBackwardWeightsOp : Of_ConvolutionOp<"conv2d_backward_weights", "gradient of a convolution's weights"> {
  let description = geometry # [{ Operands are the input and the gradient of the result; `kernel` is [kh, kw]. }];
  let arguments = !con((ins AnyRankedTensor:$input, AnyRankedTensor:$grad, DenseI64ArrayAttr:$kernel), ConvolutionArguments);
}

#endif
