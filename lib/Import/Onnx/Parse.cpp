// Messages from fields. One function for each message, each a loop over the fields it knows.
#include "lib/Import/Onnx/Proto.h"
#include "runtime/base/Protobuf.h"

#include "llvm/ADT/bit.h"
#include "llvm/Support/Endian.h"

namespace of::onnx {

using protobuf::Field;

// Graphs lie in attributes of nodes of graphs; nobody nests them deeper by hand.
static constexpr unsigned kDeepest = 32;

const AttributeProto *NodeProto::find(StringRef attribute) const {
  for (const AttributeProto &a : attributes)
    if (a.name == attribute)
      return &a;
  return nullptr;
}

namespace {

class Parser {
public:
  explicit Parser(StringRef file) : start(file.data()), budget(file.size() * 2 + (48ull << 20)) {}

  std::string error;

  bool model(StringRef bytes, ModelProto &out) {
    return each(bytes, [&](const Field &f) {
      switch (f.number) {
      case 1:
        return integer(f, out.irVersion);
      case 2:
        return text(f, out.producer);
      case 7:
        out.hasGraph = true;
        return isMessage(f) && graph(f.bytes, out.graph, 0);
      case 8:
        return isMessage(f) && opset(f.bytes, out.opsets);
      case 25:
        return isMessage(f) && function(f.bytes, add(out.functions));
      default:
        return true;
      }
    });
  }

  bool tensor(StringRef bytes, TensorProto &out) {
    return each(bytes, [&](const Field &f) {
      switch (f.number) {
      case 1:
        return integers(f, out.dims);
      case 2:
        return integer(f, out.elementType);
      case 4:  // float_data
      case 5:  // int32_data
      case 7:  // int64_data
      case 10: // double_data
      case 11: // uint64_data
        return elements(f, out);
      case 6:
        return fail("a tensor holds texts (string_data), which no op here takes");
      case 8:
        return text(f, out.name);
      case 9:
        out.hasRaw = true;
        return text(f, out.raw);
      case 13:
        return isMessage(f) && entry(f.bytes, add(out.external));
      case 14:
        out.isExternal = f.value == 1;
        return isNumber(f);
      default:
        return true;
      }
    });
  }

private:
  bool fail(const std::string &what) {
    if (error.empty())
      error = what;
    return false;
  }

  template <class Handle> bool each(StringRef bytes, Handle handle) {
    protobuf::Reader reader(bytes, start);
    Field field;
    while (reader.next(field))
      if (!handle(field))
        return fail("byte " + std::to_string(bytes.data() - start) + ": field " +
                    std::to_string(field.number) + " has another type than in ONNX");
    return reader.error().empty() || fail(reader.error());
  }

  // Counts what is kept, so that a small file cannot ask for much memory.
  bool charge(size_t size) {
    if (size > budget)
      return fail("it has more parts than its size explains; no model is like that");
    budget -= size;
    return true;
  }
  // A vector doubles when it grows.
  template <class T> T &add(std::vector<T> &list) {
    if (!charge(3 * sizeof(T)))
      list.clear();
    return list.emplace_back();
  }

  bool isNumber(const Field &f) { return f.kind == Field::Kind::Varint && error.empty(); }
  bool isMessage(const Field &f) { return f.kind == Field::Kind::Bytes && error.empty(); }
  bool integer(const Field &f, int64_t &out) {
    out = static_cast<int64_t>(f.value);
    return isNumber(f);
  }
  bool text(const Field &f, StringRef &out) {
    out = f.bytes;
    return isMessage(f);
  }
  bool texts(const Field &f, std::vector<StringRef> &out) {
    add(out) = f.bytes;
    return isMessage(f);
  }
  bool integers(const Field &f, std::vector<int64_t> &out) {
    if (f.kind == Field::Kind::Varint) {
      add(out) = static_cast<int64_t>(f.value);
      return error.empty();
    }
    protobuf::Reader packed(f.bytes, start);
    for (uint64_t value; packed.nextVarint(value);) {
      add(out) = static_cast<int64_t>(value);
      if (!error.empty())
        return false;
    }
    return isMessage(f) && (packed.error().empty() || fail(packed.error()));
  }
  bool floats(const Field &f, std::vector<float> &out) {
    if (f.kind == Field::Kind::Fixed32) {
      add(out) = llvm::bit_cast<float>(static_cast<uint32_t>(f.value));
      return error.empty();
    }
    if (!isMessage(f) || f.bytes.size() % 4 || !charge(f.bytes.size() * 3))
      return false;
    for (size_t i = 0; i < f.bytes.size(); i += 4)
      out.push_back(llvm::bit_cast<float>(llvm::support::endian::read32le(f.bytes.data() + i)));
    return true;
  }

  // Values of one of the typed lists, packed or one by one.
  bool elements(const Field &f, TensorProto &out) {
    if (out.typedField && out.typedField != f.number)
      return fail("tensor '" + out.name.str() + "' has its elements in two lists");
    out.typedField = f.number;
    if (f.kind == Field::Kind::Bytes) {
      add(out.typed) = f.bytes;
      return error.empty();
    }
    const Field::Kind kind = f.number == 4    ? Field::Kind::Fixed32
                             : f.number == 10 ? Field::Kind::Fixed64
                                              : Field::Kind::Varint;
    add(out.loose) = f.value;
    return f.kind == kind && error.empty();
  }

  bool entry(StringRef bytes, std::pair<StringRef, StringRef> &out) {
    return each(bytes, [&](const Field &f) {
      return f.number == 1 ? text(f, out.first) : f.number == 2 ? text(f, out.second) : true;
    });
  }

  bool opset(StringRef bytes, OpsetImports &out) {
    auto &entry = add(out);
    return each(bytes, [&](const Field &f) {
      return f.number == 1 ? text(f, entry.first) : f.number == 2 ? integer(f, entry.second) : true;
    });
  }

  bool attribute(StringRef bytes, AttributeProto &out, unsigned depth) {
    return each(bytes, [&](const Field &f) {
      switch (f.number) {
      case 1:
        return text(f, out.name);
      case 2:
        out.f = llvm::bit_cast<float>(static_cast<uint32_t>(f.value));
        return f.kind == Field::Kind::Fixed32;
      case 3:
        return integer(f, out.i);
      case 4:
        return text(f, out.s);
      case 5:
        out.tensor = std::make_unique<TensorProto>();
        return charge(sizeof(TensorProto)) && isMessage(f) && tensor(f.bytes, *out.tensor);
      case 6:
        out.graph = std::make_unique<GraphProto>();
        return charge(sizeof(GraphProto)) && isMessage(f) && graph(f.bytes, *out.graph, depth + 1);
      case 7:
        return floats(f, out.floats);
      case 8:
        return integers(f, out.ints);
      case 9:
        return texts(f, out.strings);
      case 20:
        return integer(f, out.type);
      case 21:
        return text(f, out.reference);
      default:
        return true;
      }
    });
  }

  bool node(StringRef bytes, NodeProto &out, unsigned depth) {
    return each(bytes, [&](const Field &f) {
      switch (f.number) {
      case 1:
        return texts(f, out.inputs);
      case 2:
        return texts(f, out.outputs);
      case 3:
        return text(f, out.name);
      case 4:
        return text(f, out.op);
      case 5:
        return isMessage(f) && attribute(f.bytes, add(out.attributes), depth);
      case 6:
        return text(f, out.doc);
      case 7:
        return text(f, out.domain);
      case 8:
        return text(f, out.overload);
      default:
        return true;
      }
    });
  }

  bool addNode(const Field &f, std::vector<NodeProto> &nodes, unsigned depth) {
    NodeProto &made = add(nodes);
    made.number = nodes.size();
    return isMessage(f) && node(f.bytes, made, depth);
  }

  bool dim(StringRef bytes, Dim &out) {
    return each(bytes, [&](const Field &f) {
      return f.number == 1 ? integer(f, out.size) : f.number == 2 ? text(f, out.symbol) : true;
    });
  }

  bool shape(StringRef bytes, ValueInfo &out) {
    out.hasShape = true;
    return each(bytes, [&](const Field &f) {
      return f.number != 1 || (isMessage(f) && dim(f.bytes, add(out.dims)));
    });
  }

  bool tensorType(StringRef bytes, ValueInfo &out) {
    out.isTensor = true;
    return each(bytes, [&](const Field &f) {
      return f.number == 1   ? integer(f, out.elementType)
             : f.number == 2 ? isMessage(f) && shape(f.bytes, out)
                             : true;
    });
  }

  bool valueInfo(StringRef bytes, ValueInfo &out) {
    return each(bytes, [&](const Field &f) {
      if (f.number == 1)
        return text(f, out.name);
      return f.number != 2 || (isMessage(f) && each(f.bytes, [&](const Field &type) {
                                 return type.number != 1 ||
                                        (isMessage(type) && tensorType(type.bytes, out));
                               }));
    });
  }

  bool graph(StringRef bytes, GraphProto &out, unsigned depth) {
    if (depth > kDeepest)
      return fail("graphs lie in graphs more than " + std::to_string(kDeepest) + " deep");
    return each(bytes, [&](const Field &f) {
      switch (f.number) {
      case 1:
        return addNode(f, out.nodes, depth);
      case 2:
        return text(f, out.name);
      case 5:
        return isMessage(f) && tensor(f.bytes, add(out.initializers));
      case 11:
        return isMessage(f) && valueInfo(f.bytes, add(out.inputs));
      case 12:
        return isMessage(f) && valueInfo(f.bytes, add(out.outputs));
      case 15:
        out.hasSparse = true;
        return true;
      default:
        return true;
      }
    });
  }

  bool function(StringRef bytes, FunctionProto &out) {
    return each(bytes, [&](const Field &f) {
      switch (f.number) {
      case 1:
        return text(f, out.name);
      case 4:
        return texts(f, out.inputs);
      case 5:
        return texts(f, out.outputs);
      case 7:
        return addNode(f, out.nodes, 1);
      case 9:
        return isMessage(f) && opset(f.bytes, out.opsets);
      case 10:
        return text(f, out.domain);
      case 11:
        return isMessage(f) && attribute(f.bytes, add(out.defaults), 1);
      case 13:
        return text(f, out.overload);
      default:
        return true;
      }
    });
  }

  const char *start;
  uint64_t budget; ///< bytes that may still be kept
};

} // namespace

bool parseModel(StringRef bytes, ModelProto &model, std::string &error) {
  Parser parser(bytes);
  bool good = parser.model(bytes, model);
  error = parser.error;
  return good;
}

bool parseTensor(StringRef bytes, TensorProto &tensor, std::string &error) {
  Parser parser(bytes);
  bool good = parser.tensor(bytes, tensor);
  error = parser.error;
  return good;
}

} // namespace of::onnx
