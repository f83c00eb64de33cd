// Rows of a table picked by integers, and their gradient.
#ifndef OF_ROWS_TD
#define OF_ROWS_TD

include "dialects/Of/OfBase.td"

class Of_RowsOp<string mnemonic, string text> : Of_TensorOp<mnemonic, [
    DeclareOpInterfaceMethods<ShardingOpInterface>, DeclareOpInterfaceMethods<DifferentiableOpInterface>,
    DeclareOpInterfaceMethods<LibraryOpInterface>, DeclareOpInterfaceMethods<CostOpInterface, ["getBytes"]>]> {
  let summary = text;
  let results = (outs AnyRankedTensor:$result);
}

def Of_EmbeddingOp : Of_RowsOp<"embedding", "rows of a table: result[i..., j...] = table[indices[i...], j...]"> {
  let description = [{
    Indices are i32 or i64; one outside the table gives a row of zeros. A part of the rows gives zeros for the rows it does not hold, so that the results add up: a table split by rows gives
    a partial result. Columns and indices may be split.
  }];
  let arguments = (ins AnyRankedTensor:$table, AnyRankedTensor:$indices);
}

def Of_EmbeddingBackwardOp : Of_RowsOp<"embedding_backward", "gradient of a table: row r is the sum of the gradients whose index is r"> {
  let description = [{
    Rows are added in the order of the indices. `rows`: number of rows of the table. A split of the indices leaves a partial result; rows and columns may be split.
  }];
  let arguments = (ins AnyRankedTensor:$indices, AnyRankedTensor:$grad, I64Attr:$rows);
}

#endif
