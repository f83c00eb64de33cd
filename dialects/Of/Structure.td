// Ops that give a program its shape: parameters and variables, programs, steps and micro-batches, data, metrics, boxing.
#ifndef OF_STRUCTURE_TD
#define OF_STRUCTURE_TD

include "dialects/Of/OfBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/IR/RegionKindInterface.td"

defvar UsesSymbol = DeclareOpInterfaceMethods<SymbolUserOpInterface>;

def Of_ParameterOp : Of_Op<"parameter", [Pure]> {
  let summary = "a named weight of the model";
  let description = [{
    `%w = of.parameter "fc.weight" init(#of.init<xavier_uniform>) : tensor<784x256xf32>`. Two ops with one name are one parameter. `frozen` ones get no
    gradient: constants of the model and running statistics.
  }];
  let arguments = (ins StrAttr:$name, Of_InitAttr:$init, UnitAttr:$frozen, OptionalAttr<StrAttr>:$fan);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$name `init` `(` $init `)` (`frozen` $frozen^)? attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Of_VariableOp : Of_Op<"variable", [Symbol]> {
  let summary = "a tensor that outlives programs";
  let description = [{ Parameters, optimizer state, running statistics and counters. `$role` is one of "parameter", "state", "buffer", "counter". }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttr:$type, StrAttr:$role, UnitAttr:$trainable);
  let assemblyFormat = "$sym_name `:` $type $role (`trainable` $trainable^)? attr-dict";
  let hasVerifier = 1;
}

def Of_DatasetOp : Of_Op<"dataset", [Symbol]> {
  let summary = "a dataset of the job";
  let description = [{
    `$fields`: one dictionary per field with name, files, format, shape, dtype, scale, shift, sequence, offset as in the plan's schema. `$mask`
    adds a last field that is 1 for real rows and 0 for rows that pad the last batch.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, I64Attr:$samples, ArrayAttr:$fields, UnitAttr:$shuffle, UnitAttr:$mask,
                       DefaultValuedAttr<I64Attr, "0">:$seed);
  let assemblyFormat = "$sym_name `samples` $samples `fields` $fields (`shuffle` $shuffle^)? (`mask` $mask^)? attr-dict";
  let hasVerifier = 1;
}

def Of_ProgramKind : I32EnumAttr<"ProgramKind", "what a program is for", [
    I32EnumAttrCase<"Init", 0, "init">, I32EnumAttrCase<"Train", 1, "train">, I32EnumAttrCase<"Eval", 2, "eval">,
    I32EnumAttrCase<"Snapshot", 3, "snapshot">, I32EnumAttrCase<"Infer", 4, "infer">]> {
  let cppNamespace = "::of";
}

def Of_ProgramOp : Of_Op<"program", [Symbol, NoTerminator, SingleBlock, IsolatedFromAbove]> {
  let summary = "one iteration of init, train, eval, snapshot or infer";
  let description = [{
    The region is one step. Programs share variables and nothing else. At most one `of.micro` inside is the micro-batch level.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, Of_ProgramKind:$kind);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name $kind attr-dict-with-keyword $body";
}

def Of_MicroOp : Of_Op<"micro", [SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "the micro-batch level of a step";
  let description = [{
    Runs its region `count` times. Each result is the sum of the yielded values over the micro-batches (an explicit accumulator). Values from
    above are held while it runs.
  }];
  let arguments = (ins I64Attr:$count);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "`count` $count (`->` type($results)^)? attr-dict-with-keyword $body";
  let hasVerifier = 1;
}

def Of_YieldOp : Of_Op<"yield", [Pure, Terminator]> {
  let summary = "values of one micro-batch";
  let arguments = (ins Variadic<AnyRankedTensor>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
  let builders = [OpBuilder<(ins), [{ $_state.addOperands({}); }]>];
}

def Of_ReadOp : Of_Op<"read", [UsesSymbol]> {
  let summary = "the next batch of a dataset, one result per field";
  let arguments = (ins FlatSymbolRefAttr:$dataset);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = "$dataset attr-dict `:` type($results)";
}

def Of_GetOp : Of_Op<"get", [MemoryEffects<[MemRead]>, UsesSymbol]> {
  let summary = "value of a variable at the start of the step";
  let arguments = (ins FlatSymbolRefAttr:$variable);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$variable attr-dict `:` type($result)";
}

def Of_SetOp : Of_Op<"set", [MemoryEffects<[MemWrite]>, UsesSymbol]> {
  let summary = "new value of a variable at the end of the step";
  let arguments = (ins FlatSymbolRefAttr:$variable, AnyRankedTensor:$value);
  let assemblyFormat = "$variable `,` $value attr-dict `:` type($value)";
}

def Of_LoadOp : Of_Op<"load", [UsesSymbol]> {
  let summary = "first value of a variable, from the job's file of initial values";
  let arguments = (ins FlatSymbolRefAttr:$variable);
  let assemblyFormat = "$variable attr-dict";
}

def Of_MetricOp : Of_Op<"metric", []> {
  let summary = "hands scalars to the metric sink";
  let description = [{ Evaluation programs report sums; the sink adds them over the program and divides by the one named "weight". }];
  let arguments = (ins StrArrayAttr:$names, Variadic<AnyRankedTensor>:$values);
  let assemblyFormat = "$names `,` $values attr-dict `:` type($values)";
  let hasVerifier = 1;
}

def Of_OutputOp : Of_Op<"output", []> {
  let summary = "hands the rows of a batch to the run's output of this name";
  let arguments = (ins StrAttr:$name, AnyRankedTensor:$value);
  let assemblyFormat = "$name `,` $value attr-dict `:` type($value)";
  let hasVerifier = 1;
}

def Of_CheckFiniteOp : Of_Op<"check_finite", []> {
  let summary = "stops the run if a value is NaN or infinite";
  let arguments = (ins AnyRankedTensor:$value, StrAttr:$what);
  let assemblyFormat = "$value `,` $what attr-dict `:` type($value)";
}

def Of_LoopOp : Of_Op<"loop", [NoTerminator, SingleBlock]> {
  let summary = "repeats a part of the run";
  let arguments = (ins I64Attr:$count);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$count attr-dict-with-keyword $body";
  let hasVerifier = 1;
}

def Of_RunOp : Of_Op<"run", [UsesSymbol]> {
  let summary = "runs iterations of a program";
  let arguments = (ins FlatSymbolRefAttr:$program, DefaultValuedAttr<I64Attr, "1">:$count);
  let assemblyFormat = "$program `count` $count attr-dict";
  let hasVerifier = 1;
}

def Of_BoxingOp : Of_Op<"boxing", [Pure]> {
  let summary = "the same value in another distribution or placement";
  let description = [{ The only op that changes how a tensor lies. Expanded into exchanges when programs become tasks. }];
  let arguments = (ins AnyRankedTensor:$input);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `to` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

#endif
