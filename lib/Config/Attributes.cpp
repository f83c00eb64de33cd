#include "lib/Config/Attributes.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Diagnostics.h"

using namespace mlir;

namespace of {
using namespace config;

// ---- Tree to attribute
// ---------------------------------------------------------------------------------------------

static Attribute objectAttribute(MLIRContext *context, const Node &node, const Key &schema) {
  NamedAttrList attrs;
  for (const Node &item : node.items)
    for (const Key &key : schema.keys)
      if (key.name == item.key)
        attrs.set(key.name, toAttribute(context, item, key));
  return attrs.getDictionary(context);
}

Attribute toAttribute(MLIRContext *context, const Node &node, const Key &schema) {
  Builder b(context);
  SmallVector<Attribute> items;
  switch (schema.type) {
  case Type::Boolean:
    return b.getBoolAttr(booleanOf(node));
  case Type::Integer:
    return b.getI64IntegerAttr(integerOf(node));
  case Type::Bytes:
    return b.getI64IntegerAttr(bytesOf(node));
  case Type::Number:
    return b.getF64FloatAttr(numberOf(node));
  case Type::Text:
    return b.getStringAttr(node.text);
  case Type::List:
    for (const Node &item : node.items)
      items.push_back(toAttribute(context, item, schema.keys[0]));
    return b.getArrayAttr(items);
  case Type::Table:
    for (const Node &item : node.items)
      items.push_back(
          b.getArrayAttr({b.getStringAttr(item.key), toAttribute(context, item, schema.keys[0])}));
    return b.getArrayAttr(items);
  case Type::Object:
  case Type::OneOf:
    return objectAttribute(context, node, schema);
  }
  return {};
}

// ---- Attribute to tree
// ---------------------------------------------------------------------------------------------

static Node fromAttribute(Attribute attr, const Key &schema);

static std::string shortest(double value) {
  // %.17g reads back as the same double.
  char buffer[40];
  std::snprintf(buffer, sizeof buffer, "%.17g", value);
  return buffer;
}

static Node fromArray(ArrayAttr array, const Key &schema) {
  Node node;
  node.kind = schema.type == Type::Table ? Node::Kind::Map : Node::Kind::List;
  const Key none;
  const Key &element = schema.keys.empty() ? none : schema.keys[0];
  for (Attribute item : array) {
    auto pair = dyn_cast<ArrayAttr>(item);
    auto name = pair && pair.size() == 2 ? dyn_cast<StringAttr>(pair[0]) : StringAttr();
    if (schema.type == Type::Table && name) {
      node.items.push_back(fromAttribute(pair[1], element));
      node.items.back().key = name.str();
    } else {
      node.items.push_back(fromAttribute(item, element));
    }
  }
  return node;
}

static Node fromDictionary(DictionaryAttr dictionary, const Key &schema) {
  Node node;
  node.kind = Node::Kind::Map;
  const Key none;
  for (NamedAttribute entry : dictionary) {
    const Key *key = &none;
    for (const Key &candidate : schema.keys)
      if (candidate.name == entry.getName().getValue())
        key = &candidate;
    node.items.push_back(fromAttribute(entry.getValue(), *key));
    node.items.back().key = entry.getName().str();
  }
  return node;
}

static Node fromAttribute(Attribute attr, const Key &schema) {
  if (auto flag = dyn_cast<BoolAttr>(attr))
    return Node::scalar(flag.getValue() ? "true" : "false");
  if (auto integer = dyn_cast<IntegerAttr>(attr))
    return Node::scalar(std::to_string(integer.getInt()));
  if (auto number = dyn_cast<FloatAttr>(attr))
    return Node::scalar(shortest(number.getValueAsDouble()));
  if (auto array = dyn_cast<ArrayAttr>(attr))
    return fromArray(array, schema);
  if (auto dictionary = dyn_cast<DictionaryAttr>(attr))
    return fromDictionary(dictionary, schema);
  auto string = dyn_cast<StringAttr>(attr);
  Node node = Node::scalar(string ? string.str() : "");
  node.quoted = true;
  return node;
}

// ---- Reading a module
// ----------------------------------------------------------------------------------------------

FailureOr<Node> treeOf(ModuleOp module, StringRef name, const Key &schema) {
  auto dictionary = module->getAttrOfType<DictionaryAttr>(name);
  if (!dictionary)
    return module.emitError("the module has no dictionary '")
           << name << "'; import a job, or add the attribute";
  Report report(name.str());
  Node node = complete(fromAttribute(dictionary, schema), schema, report);
  if (failed(emitReport(module, report)))
    return failure();
  return node;
}

FailureOr<Job> jobOf(ModuleOp module) {
  FailureOr<Node> node = treeOf(module, jobAttrName, jobKeys());
  if (failed(node))
    return failure();
  Report report(jobAttrName.str());
  Job job = readJob(*node, report);
  if (failed(emitReport(module, report)))
    return failure();
  return job;
}

LogicalResult emitReport(ModuleOp module, const Report &report) {
  for (const config::Diagnostic &d : report.diagnostics())
    module.emitError(d.text());
  return success(report.clean());
}

LogicalResult emitReport(MLIRContext *context, const Report &report) {
  for (const config::Diagnostic &d : report.diagnostics())
    emitError(
        FileLineColLoc::get(context, d.file, std::max(d.at.line, 0), std::max(d.at.column, 0)))
        << d.message;
  return success(report.clean());
}

} // namespace of
