// The `task` dialect: what programs do, physically. Tasks on streams, registers between them, memory. No transformation here.
//
// Ops are folded over devices: one op stands for the same task on every device of the mesh its registers lie on; local shapes follow
// from the distributions. A value of tensor type that is the result of task.register names the register.
#ifndef TASK_OPS_TD
#define TASK_OPS_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Task_Dialect : Dialect {
  let name = "task";
  let cppNamespace = "::of::task";
  let summary = "Tasks, streams, registers, memory: the physical form of a program";
  let dependentDialects = ["::of::OfDialect"];
  let extraClassDeclaration = [{
    /// Module attribute: dictionary mesh group -> bytes of its chunk, written by the packer.
    static constexpr llvm::StringLiteral chunksAttrName = "task.chunks";
    /// Module attribute: dictionary mesh group -> devices that have such a chunk.
    static constexpr llvm::StringLiteral groupsAttrName = "task.groups";
    /// Byte offset(s) in the chunk: on task.register and task.kernel (one per result; -1 where the result lies in a port or variable).
    static constexpr llvm::StringLiteral offsetAttrName = "task.offset";
    /// On task.program: reuse edges [from, to, lag in iterations], by names of tasks.
    static constexpr llvm::StringLiteral reusesAttrName = "task.reuses";
    /// Module attribute: dictionary mesh group -> bytes of the chunk that each of its devices has in the memory of its host.
    static constexpr llvm::StringLiteral hostChunksAttrName = "task.host_chunks";
  }];
}

class Task_Op<string mnemonic, list<Trait> traits = []> : Op<Task_Dialect, mnemonic, traits>;

def Task_ProgramOp : Task_Op<"program", [Symbol, NoTerminator, SingleBlock, IsolatedFromAbove, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "one program as tasks";
  let description = [{
    `kind` is init, train, eval or snapshot; `micros` the firings of micro-batch tasks per iteration. `orders`, once scheduled: stream name ->
    names of tasks in the order they fire in one iteration. Names of tasks are unique in a program, every register has one producer.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$kind, I64Attr:$micros, OptionalAttr<DictionaryAttr>:$orders);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name $kind `micros` $micros attr-dict-with-keyword $body";
  let hasRegionVerifier = 1;
}

def Task_RegisterOp : Task_Op<"register", [Pure]> {
  let summary = "a producer-owned group of slots";
  let description = [{
    `slots` is the credit between the producer and its consumers. `host`: it lies in the memory of the device's host, where only `task.copy` reaches it.
  }];
  let arguments = (ins StrAttr:$name, DefaultValuedAttr<I64Attr, "1">:$slots, UnitAttr:$host);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$name `slots` $slots (`host` $host^)? attr-dict `:` type($result)";
  let hasVerifier = 1;
}

// Ports: periods and, for segments, the call after which a port is acknowledged or published.
def Task_SegmentOp : Task_Op<"segment", [IsolatedFromAbove, AttrSizedOperandSegments, SingleBlock]> {
  let summary = "compute calls of one stream without a handshake in between";
  let description = [{
    Block arguments are the input ports, then the accumulators' previous values (output ports with a period above 1). The terminator gives the value of
    each output port. Fires `firings` times per iteration. `in_periods` and `out_periods`: firings per version (hold, accumulate). `in_calls`, `out_calls`: index of the
    kernel after which the port is acknowledged or published.
  }];
  let arguments = (ins StrAttr:$name, I64Attr:$firings, Variadic<AnyRankedTensor>:$inputs, Variadic<AnyRankedTensor>:$outputs,
                       DenseI64ArrayAttr:$in_periods, DenseI64ArrayAttr:$out_periods,
                       DenseI64ArrayAttr:$in_calls, DenseI64ArrayAttr:$out_calls);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $name `firings` $firings `ins` `(` ($inputs^ `:` type($inputs))? `)` `outs` `(` ($outputs^ `:` type($outputs))? `)`
    `periods` $in_periods `to` $out_periods `calls` $in_calls `to` $out_calls attr-dict-with-keyword $body
  }];
  let hasVerifier = 1;
}

def Task_KernelOp : Task_Op<"kernel", [IsolatedFromAbove, SingleBlock]> {
  let summary = "one call: fused `of` ops, or a single op done by a library";
  let description = [{ `in_place`: for each result the argument whose buffer it shares, or -1. }];
  let arguments = (ins StrAttr:$name, Variadic<AnyRankedTensor>:$inputs, DenseI64ArrayAttr:$in_place);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$name `(` $inputs `)` `in_place` $in_place attr-dict-with-keyword `:` functional-type($inputs, $results) $body";
  let hasVerifier = 1;
}

def Task_AfterOp : Task_Op<"after", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "the same value, there once another is";
  let description = [{
    `%y = task.after %x, %g`: what is computed from `%y` is not computed before `%g`, on the same mesh. Holds work that is done again for the
    backward pass back until the backward pass needs it, and keeps it apart from the first time. `apart`: nor is it in one segment with `%g`. Stands in an `of.program`
    until that becomes tasks.
  }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$earlier, UnitAttr:$apart);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$input `,` $earlier (`apart` $apart^)? attr-dict `:` type($input) `,` type($earlier)";
}

def Task_ToHostOp : Task_Op<"to_host", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "a device's part of a value, copied to the memory of its host";
  let description = [{
    Each device of the mesh copies its own part, so the distribution stays and any distribution will do. Costs its bytes over the path from the device to its host
    (`n0.host` in cluster.yaml), beside what is computed. The result is brought back by `task.to_device`; nothing else can be done with it. Stands in an `of.program` until that becomes tasks.
  }];
  let arguments = (ins AnyRankedTensor:$input);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input)";
  let hasVerifier = 1;
}

def Task_ToDeviceOp : Task_Op<"to_device", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "a value on the host, copied back once another value is there";
  let description = [{
    `%y = task.to_device %h, %g`: as `task.to_host`, in the other direction. `%g`, on the same mesh, says when the backward pass is near enough to want it: before that the
    device is spared its bytes.
  }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$earlier);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$input `,` $earlier attr-dict `:` type($input) `,` type($earlier)";
  let hasVerifier = 1;
}

def Task_ReturnOp : Task_Op<"return", [Pure, Terminator]> {
  let summary = "results of a kernel, or values of a segment's output ports";
  let arguments = (ins Variadic<AnyRankedTensor>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

def Task_ExchangeOp : Task_Op<"exchange", [AttrSizedOperandSegments]> {
  let summary = "movement between layouts: a send task on the source mesh, a receive task on the destination mesh";
  let arguments = (ins StrAttr:$name, I64Attr:$firings, Variadic<AnyRankedTensor>:$inputs, Variadic<AnyRankedTensor>:$outputs);
  let assemblyFormat = "$name `firings` $firings `from` `(` $inputs `:` type($inputs) `)` `to` `(` $outputs `:` type($outputs) `)` attr-dict";
  let hasVerifier = 1;
}

def Task_CopyOp : Task_Op<"copy", [AttrSizedOperandSegments]> {
  let summary = "copies between a device and the memory of its host, input i to output i";
  let description = [{ All of one side are `host` registers and none of the other. What it is `after` is only waited for. }];
  let arguments = (ins StrAttr:$name, I64Attr:$firings, Variadic<AnyRankedTensor>:$inputs, Variadic<AnyRankedTensor>:$outputs,
                       Variadic<AnyRankedTensor>:$awaited);
  let assemblyFormat = [{
    $name `firings` $firings `from` `(` $inputs `:` type($inputs) `)` `to` `(` $outputs `:` type($outputs) `)`
    (`after` `(` $awaited^ `:` type($awaited) `)`)? attr-dict
  }];
  let extraClassDeclaration = [{
    /// From the device, or back to it?
    bool isToHost();
  }];
  let hasVerifier = 1;
}

def Task_ReadOp : Task_Op<"read", []> {
  let summary = "reads this device's rows of the next batch into registers, one per field";
  let arguments = (ins StrAttr:$name, I64Attr:$firings, FlatSymbolRefAttr:$dataset, Variadic<AnyRankedTensor>:$outputs);
  let assemblyFormat = "$name `firings` $firings $dataset `to` `(` $outputs `:` type($outputs) `)` attr-dict";
  let hasVerifier = 1;
}

def Task_MetricOp : Task_Op<"metric", []> {
  let summary = "hands scalars to the metric sink";
  let arguments = (ins StrAttr:$name, StrArrayAttr:$names, Variadic<AnyRankedTensor>:$inputs);
  let assemblyFormat = "$name $names `from` `(` $inputs `:` type($inputs) `)` attr-dict";
  let hasVerifier = 1;
}

def Task_OutputOp : Task_Op<"output", []> {
  let summary = "hands the rows of a batch to the run's output `output`";
  let arguments = (ins StrAttr:$name, StrAttr:$output, AnyRankedTensor:$input);
  let assemblyFormat = "$name $output `from` `(` $input `:` type($input) `)` attr-dict";
  let hasVerifier = 1;
}

def Task_CheckFiniteOp : Task_Op<"check_finite", []> {
  let summary = "stops the run if a value is not finite";
  let arguments = (ins StrAttr:$name, StrAttr:$what, AnyRankedTensor:$input);
  let assemblyFormat = "$name $what `from` `(` $input `:` type($input) `)` attr-dict";
  let hasVerifier = 1;
}

def Task_WriteOp : Task_Op<"write", []> {
  let summary = "writes variables into the snapshot being taken";
  let arguments = (ins StrAttr:$name, TypedArrayAttrBase<FlatSymbolRefAttr, "variables">:$variables);
  let assemblyFormat = "$name $variables attr-dict";
  let hasVerifier = 1;
}

def Task_LoadOp : Task_Op<"load", []> {
  let summary = "reads variables from the job's file of initial values";
  let arguments = (ins StrAttr:$name, TypedArrayAttrBase<FlatSymbolRefAttr, "variables">:$variables);
  let assemblyFormat = "$name $variables attr-dict";
  let hasVerifier = 1;
}

#endif
