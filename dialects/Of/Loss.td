// Softmax and losses: decomposed, so that they work on split classes.
#ifndef OF_LOSS_TD
#define OF_LOSS_TD

include "dialects/Of/OfBase.td"

def Of_SoftmaxOp : Of_TensorOp<"softmax", [DeclareOpInterfaceMethods<DecomposableOpInterface>,
    DeclareOpInterfaceMethods<DifferentiableOpInterface>]> {
  let summary = "exp(x - max) / sum(exp(x - max)) along a dim";
  let arguments = (ins AnyRankedTensor:$input, DefaultValuedAttr<I64Attr, "-1">:$dim);
  let results = (outs AnyRankedTensor:$result);
}

def Of_LogSoftmaxOp : Of_TensorOp<"log_softmax", [DeclareOpInterfaceMethods<DecomposableOpInterface>]> {
  let summary = "x - max - log(sum(exp(x - max))) along a dim";
  let arguments = (ins AnyRankedTensor:$input, DefaultValuedAttr<I64Attr, "-1">:$dim);
  let results = (outs AnyRankedTensor:$result);
}

def Of_CrossEntropyOp : Of_TensorOp<"cross_entropy", [DeclareOpInterfaceMethods<DecomposableOpInterface>]> {
  let summary = "-log softmax(logits)[label], one value per row";
  let description = [{ logits [n..., classes], labels [n...] of integer type; result [n...]. }];
  let arguments = (ins AnyRankedTensor:$logits, AnyRankedTensor:$labels);
  let results = (outs AnyRankedTensor:$result);
}

#endif
