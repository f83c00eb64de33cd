// The `of` dialect: what programs mean. Types, attributes and the base classes of all ops.
#ifndef OF_BASE_TD
#define OF_BASE_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/TensorEncoding.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Of_Dialect : Dialect {
  let name = "of";
  let cppNamespace = "::of";
  let summary = "Logical deep-learning programs and how their tensors are distributed";
  let description = [{
    An `of` program states what is computed, as if there were one device. Distribution is part of the type: a tensor type
    may carry the encoding `#of.dist<mesh, [sbp, ...]>`, which says how the logical tensor lies on each axis of a mesh of devices. Shapes in
    encoded types are logical. Only `of` ops may touch such values; code generation localises first.
  }];
  let useDefaultAttributePrinterParser = 1;
  let extraClassDeclaration = [{
    void registerAttributes();
    /// Attribute names with a meaning to passes.
    /// `of.pin`: dictionary axis name -> SBP string; the value must have it ("S(0)", "B", "P").
    static constexpr llvm::StringLiteral pinAttrName = "of.pin";
    /// `of.stage`: i64, the pipeline stage the op is placed on.
    static constexpr llvm::StringLiteral stageAttrName = "of.stage";
  }];
}

// ---- Attributes -------------------------------------------------------------------------------------------------------

class Of_Attr<string name, string attrMnemonic, list<Trait> traits = []> : AttrDef<Of_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

def Of_MeshAttr : Of_Attr<"Mesh", "mesh"> {
  let summary = "A named grid of devices, slow link first";
  let description = [{
    `#of.mesh<"main", [data = 2, model = 4], [0, 1, 2, 3, 4, 5, 6, 7]>`: axes with their sizes, and the device id at each point in row-major
    order. Held by value, so a type says where its tensor lies without looking anything up.
  }];
  let parameters = (ins
    StringRefParameter<"name of the placement">:$name,
    ArrayRefParameter<"::mlir::StringAttr", "axis names">:$axes,
    ArrayRefParameter<"int64_t", "axis sizes">:$shape,
    ArrayRefParameter<"int64_t", "device ids, row-major">:$devices
  );
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Index of the axis of this name, or -1.
    int64_t axisIndex(llvm::StringRef axis) const;
    int64_t numAxes() const { return getShape().size(); }
    int64_t numDevices() const { return getDevices().size(); }
    /// The same grid as the runtime knows it.
    ::of::Placement placement() const;
  }];
}

def Of_DistAttr : Of_Attr<"Dist", "dist", [DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let summary = "How a logical tensor lies on a mesh: one SBP per axis";
  let description = [{
    `#of.dist<mesh, [S(0), B]>`. `S(i)`: split on dim i in balanced parts, axes nest from first to last when they split the same dim.
    `B`: every device along the axis holds all of it. `P`, `P(max)`, `P(min)`: the value is the sum (maximum, minimum) of the parts; max and min need an
    ordered type, and bool is never partial.
  }];
  let parameters = (ins "::of::MeshAttr":$mesh, ArrayRefParameter<"::of::Sbp", "one per axis">:$sbp);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    ::of::NdSbp ndSbp() const { return ::of::NdSbp(getSbp().begin(), getSbp().end()); }
    ::of::Layout layout() const { return {getMesh().placement(), ndSbp()}; }
    bool isAllBroadcast() const;
    bool hasPartial() const;
  }];
}

def Of_InitKind : I32EnumAttr<"InitKind", "how a parameter gets its first value", [
    I32EnumAttrCase<"Constant", 0, "constant">, I32EnumAttrCase<"Normal", 1, "normal">,
    I32EnumAttrCase<"Uniform", 2, "uniform">, I32EnumAttrCase<"XavierUniform", 3, "xavier_uniform">,
    I32EnumAttrCase<"XavierNormal", 4, "xavier_normal">, I32EnumAttrCase<"KaimingUniform", 5, "kaiming_uniform">,
    I32EnumAttrCase<"KaimingNormal", 6, "kaiming_normal">]> {
  let cppNamespace = "::of";
  let genSpecializedAttr = 0;
}

def Of_InitAttr : Of_Attr<"Init", "init"> {
  let summary = "Initial value of a parameter";
  let description = [{
    `#of.init<constant, 0.0>`, `#of.init<normal, mean, std>`, `#of.init<uniform, low, high>`, `#of.init<xavier_uniform, gain>`, `#of.init<kaiming_uniform, gain>`
    and their normal forms. Fan in and fan out follow PyTorch: for a weight [out, in, k...] fan in = in * k..., for a matmul weight [in, out] written
    with `fan = "in_out"` the first dim is the fan in. Values depend on (seed, parameter, logical index) alone.
  }];
  let parameters = (ins EnumParameter<Of_InitKind>:$kind, "::mlir::DenseF64ArrayAttr":$values);
  let hasCustomAssemblyFormat = 1;
}

// ---- Op base classes --------------------------------------------------------------------------------------------------

include "dialects/Of/OfInterfaces.td"

class Of_Op<string mnemonic, list<Trait> traits = []> : Op<Of_Dialect, mnemonic, traits>;

// A pure function of tensors. Result types are inferred up to their distribution, which `ShardingOpInterface` checks.
class Of_TensorOp<string mnemonic, list<Trait> traits = []> : Of_Op<mnemonic, !listconcat(traits, [
    Pure, InferTypeOpAdaptor])> {
  code extraDecl = [{}];
  let extraClassDeclaration = [{
    static bool isCompatibleReturnTypes(::mlir::TypeRange l, ::mlir::TypeRange r) {
      return ::of::isCompatibleIgnoringDist(l, r);
    }
  }] # extraDecl;
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

#endif
