// Matrix products and convolutions: the ops that go to libraries.
#ifndef OF_CONTRACTION_TD
#define OF_CONTRACTION_TD

include "dialects/Of/OfBase.td"

defvar ContractionTraits = [
  DeclareOpInterfaceMethods<ShardingOpInterface>, DeclareOpInterfaceMethods<DifferentiableOpInterface>,
  DeclareOpInterfaceMethods<LibraryOpInterface>, DeclareOpInterfaceMethods<CostOpInterface, ["getProducts"]>];

def Of_MatmulOp : Of_TensorOp<"matmul", ContractionTraits> {
  let summary = "matrix product, batched over leading dims";
  let description = [{
    lhs [batch..., m, k] (or [batch..., k, m] with `transpose_lhs`), rhs [batch..., k, n] (or [batch..., n, k] with `transpose_rhs`), or rhs of rank 2 used for every
    batch. Result [batch..., m, n].
  }];
  let arguments = (ins AnyRankedTensor:$lhs, AnyRankedTensor:$rhs, UnitAttr:$transpose_lhs, UnitAttr:$transpose_rhs);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "operands (`transpose_lhs` $transpose_lhs^)? (`transpose_rhs` $transpose_rhs^)? attr-dict `:` functional-type(operands, results)";
}

#endif
