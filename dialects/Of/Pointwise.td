// Pointwise ops. Binary ops broadcast as numpy does. Each states its scalar meaning in Pointwise.cpp, beside its gradient.
#ifndef OF_POINTWISE_TD
#define OF_POINTWISE_TD

include "dialects/Of/OfBase.td"

defvar PointwiseTraits = [
  DeclareOpInterfaceMethods<ShardingOpInterface>, DeclareOpInterfaceMethods<DifferentiableOpInterface>];

class Of_UnaryOp<string mnemonic, string text, bit linear = 0> : Of_TensorOp<mnemonic, !listconcat(PointwiseTraits, [
    DeclareOpInterfaceMethods<PointwiseOpInterface, !if(linear, ["getLinearOperandSets"], []<string>)>])> {
  let summary = text;
  let arguments = (ins AnyRankedTensor:$input);
  let results = (outs AnyRankedTensor:$result);
}

// A function that a machine computes as a polynomial or a division of some: `functions` is how many divisions take as long; e^x as
// long as two (benchmarks/codegen).
class Of_FunctionOp<string mnemonic, string text, int functions = 2> : Of_TensorOp<mnemonic, !listconcat(PointwiseTraits, [
    DeclareOpInterfaceMethods<PointwiseOpInterface, ["getFunctions"]>])> {
  let summary = text;
  let arguments = (ins AnyRankedTensor:$input);
  let results = (outs AnyRankedTensor:$result);
  let extraClassDefinition = "int64_t $cppClass::getFunctions() { return " # functions # "; }";
}

class Of_BinaryOp<string mnemonic, string text, bit linear = 0, int functions = 0> : Of_TensorOp<mnemonic, !listconcat(PointwiseTraits, [
    DeclareOpInterfaceMethods<PointwiseOpInterface, !listconcat(!if(linear, ["getLinearOperandSets"], []<string>),
                                                               !if(functions, ["getFunctions"], []<string>))>])> {
  let summary = text;
  let arguments = (ins AnyRankedTensor:$lhs, AnyRankedTensor:$rhs);
  let results = (outs AnyRankedTensor:$result);
  let extraClassDefinition = !if(functions, "int64_t $cppClass::getFunctions() { return " # functions # "; }", "");
}

def Of_NegOp : Of_UnaryOp<"neg", "-x", 1>;
def Of_AbsOp : Of_UnaryOp<"abs", "|x|">;
def Of_SignOp : Of_UnaryOp<"sign", "-1, 0 or 1; gradient 0">;
def Of_ExpOp : Of_FunctionOp<"exp", "e^x">;
def Of_LogOp : Of_FunctionOp<"log", "natural logarithm">;
def Of_SqrtOp : Of_FunctionOp<"sqrt", "square root", 1>;
def Of_RsqrtOp : Of_FunctionOp<"rsqrt", "1 / sqrt(x)">;
def Of_TanhOp : Of_FunctionOp<"tanh", "hyperbolic tangent", 3>;
def Of_ErfOp : Of_FunctionOp<"erf", "error function", 5>;
def Of_SinOp : Of_FunctionOp<"sin", "sine", 8>;
def Of_CosOp : Of_FunctionOp<"cos", "cosine", 8>;
def Of_AtanOp : Of_FunctionOp<"atan", "arc tangent", 3>;
def Of_FloorOp : Of_UnaryOp<"floor", "largest integer not above x; gradient 0">;
def Of_CeilOp : Of_UnaryOp<"ceil", "smallest integer not below x; gradient 0">;
def Of_RoundOp : Of_UnaryOp<"round", "nearest integer, the even one of two; gradient 0">;
def Of_ReluOp : Of_UnaryOp<"relu", "max(x, 0); gradient 0 at 0">;
def Of_SigmoidOp : Of_FunctionOp<"sigmoid", "1 / (1 + e^-x)">;
def Of_NotOp : Of_UnaryOp<"not", "logical not of a bool; of an integer, each bit">;
def Of_StopGradientOp : Of_UnaryOp<"stop_gradient", "x, through which no gradient flows", 1>;

def Of_AddOp : Of_BinaryOp<"add", "x + y", 1>;
def Of_SubOp : Of_BinaryOp<"sub", "x - y", 1>;
def Of_MulOp : Of_BinaryOp<"mul", "x * y; logical and for bool", 1>;
def Of_DivOp : Of_BinaryOp<"div", "x / y; integers round towards zero", 1, 1>;
def Of_MaxOp : Of_BinaryOp<"max", "larger of x and y; where equal the gradient goes half to each">;
def Of_MinOp : Of_BinaryOp<"min", "smaller of x and y; where equal the gradient goes half to each">;
def Of_PowOp : Of_FunctionOp<"pow", "x^y for x >= 0, and for any x when y is an integer constant", 7> { // exp(y log x)
  let arguments = (ins AnyRankedTensor:$lhs, AnyRankedTensor:$rhs);
}

def Of_AndOp : Of_BinaryOp<"and", "logical and of bools; of integers, bit by bit">;
def Of_OrOp : Of_BinaryOp<"or", "logical or of bools; of integers, bit by bit">;
def Of_XorOp : Of_BinaryOp<"xor", "exclusive or of bools; of integers, bit by bit">;

def Of_CompareOp : Of_TensorOp<"compare", [DeclareOpInterfaceMethods<ShardingOpInterface>,
    DeclareOpInterfaceMethods<PointwiseOpInterface>, DeclareOpInterfaceMethods<DifferentiableOpInterface>]> {
  let summary = "comparison to bool: eq, ne, lt, le, gt, ge";
  let arguments = (ins StrAttr:$predicate, AnyRankedTensor:$lhs, AnyRankedTensor:$rhs);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$predicate operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Of_SelectOp : Of_TensorOp<"select", [DeclareOpInterfaceMethods<ShardingOpInterface>,
    DeclareOpInterfaceMethods<PointwiseOpInterface, ["getLinearOperandSets"]>, DeclareOpInterfaceMethods<DifferentiableOpInterface>]> {
  let summary = "x where the condition holds, else y";
  let arguments = (ins AnyRankedTensor:$condition, AnyRankedTensor:$lhs, AnyRankedTensor:$rhs);
  let results = (outs AnyRankedTensor:$result);
}

def Of_CastOp : Of_TensorOp<"cast", [DeclareOpInterfaceMethods<ShardingOpInterface>,
    DeclareOpInterfaceMethods<PointwiseOpInterface, ["getLinearOperandSets"]>, DeclareOpInterfaceMethods<DifferentiableOpInterface>]> {
  let summary = "conversion to another element type; float to integer truncates";
  let arguments = (ins AnyRankedTensor:$input, TypeAttr:$to);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$input `to` $to attr-dict `:` functional-type(operands, results)";
}

// ---- Generators: no tensor operands that vary by point ------------------------------------------------------------------

def Of_ConstantOp : Of_Op<"constant", [Pure, DeclareOpInterfaceMethods<ShardingOpInterface>,
    DeclareOpInterfaceMethods<PointwiseOpInterface>, DeclareOpInterfaceMethods<DifferentiableOpInterface>]> {
  let summary = "the same scalar everywhere";
  let description = [{ `of.constant 0.5 : tensor<4x4xf32>`. Larger literals are frozen parameters. }];
  let arguments = (ins TypedAttrInterface:$value);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$value attr-dict `:` type($result)";
  let hasVerifier = 1;
  let builders = [OpBuilder<(ins "::mlir::Type":$type, "double":$value)>];
}

def Of_IotaOp : Of_Op<"iota", [Pure, DeclareOpInterfaceMethods<ShardingOpInterface>,
    DeclareOpInterfaceMethods<PointwiseOpInterface>, DeclareOpInterfaceMethods<DifferentiableOpInterface>]> {
  let summary = "index along a dim, in the logical tensor";
  let arguments = (ins I64Attr:$dim);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$dim attr-dict `:` type($result)";
}

def Of_ExpandOp : Of_TensorOp<"expand", [DeclareOpInterfaceMethods<ShardingOpInterface>,
    DeclareOpInterfaceMethods<PointwiseOpInterface, ["getLinearOperandSets"]>, DeclareOpInterfaceMethods<DifferentiableOpInterface>]> {
  let summary = "numpy broadcasting of the input to the shape of the second operand, whose values are not read";
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$like);
  let results = (outs AnyRankedTensor:$result);
}

def Of_AccumulateOp : Of_TensorOp<"accumulate", [DeclareOpInterfaceMethods<ShardingOpInterface>,
    DeclareOpInterfaceMethods<PointwiseOpInterface, ["getLinearOperandSets"]>]> {
  let summary = "running sum over micro-batches: the value in the first, the sum so far plus the value in the others";
  let arguments = (ins AnyRankedTensor:$sum, AnyRankedTensor:$value);
  let results = (outs AnyRankedTensor:$result);
}

def Of_CopyOp : Of_UnaryOp<"copy", "x, in a buffer of its own", 1>;

#endif
