#include "runtime/schema/Alignment.h"

#include <algorithm>
#include <flatbuffers/minireflect.h>

namespace of::rt {

namespace {

using flatbuffers::ElementaryType;
using flatbuffers::TypeTable;

/// A field or an element of one, by the tables that flatc has generated of the schema.
struct Type {
  ElementaryType kind;
  const TypeTable *table; ///< of a sequence

  bool isTable() const {
    return kind == flatbuffers::ET_SEQUENCE && table->st == flatbuffers::ST_TABLE;
  }
};

Type typeOf(const TypeTable &owner, size_t field) {
  const flatbuffers::TypeCode &code = owner.type_codes[field];
  return {static_cast<ElementaryType>(code.base_type),
          code.sequence_ref < 0 ? nullptr : owner.type_refs[code.sequence_ref]()};
}

size_t alignmentOf(const Type &type) {
  if (type.kind == flatbuffers::ET_STRING || type.isTable())
    return sizeof(flatbuffers::uoffset_t);
  if (type.kind != flatbuffers::ET_SEQUENCE)
    return flatbuffers::InlineSize(type.kind, nullptr);
  size_t out = 1; // of a struct
  for (size_t i = 0; i < type.table->num_elems; ++i)
    out = std::max(out, alignmentOf(typeOf(*type.table, i)));
  return out;
}

const uint8_t *follow(const uint8_t *offset) {
  return offset + flatbuffers::ReadScalar<flatbuffers::uoffset_t>(offset);
}

bool isTableAligned(const uint8_t *at, const TypeTable &types);

bool isVectorAligned(const uint8_t *at, const Type &type) {
  const auto &vector = *reinterpret_cast<const flatbuffers::Vector<uint8_t> *>(at);
  const uint8_t *elements = vector.Data();
  if (vector.size() > 0 && reinterpret_cast<uintptr_t>(elements) % alignmentOf(type) != 0)
    return false;
  for (size_t i = 0; type.isTable() && i < vector.size(); ++i)
    if (!isTableAligned(follow(elements + i * sizeof(flatbuffers::uoffset_t)), *type.table))
      return false;
  return true;
}

/// The member of a union that the field before it, its type, names; nothing of an unknown one.
Type memberOf(const TypeTable &types, const uint8_t *kind) {
  if (!kind || *kind == 0 || *kind >= types.num_elems)
    return {flatbuffers::ET_UCHAR, nullptr};
  return typeOf(types, *kind);
}

bool isTableAligned(const uint8_t *at, const TypeTable &types) {
  const auto &table = *reinterpret_cast<const flatbuffers::Table *>(at);
  for (size_t i = 0; i < types.num_elems; ++i) {
    const auto offset = flatbuffers::FieldIndexToOffset(static_cast<flatbuffers::voffset_t>(i));
    const uint8_t *field = table.GetAddressOf(offset);
    Type type = typeOf(types, i);
    if (!field)
      continue;
    if (type.table && type.table->st == flatbuffers::ST_UNION &&
        type.kind == flatbuffers::ET_SEQUENCE)
      type = memberOf(*type.table, table.GetAddressOf(offset - sizeof(flatbuffers::voffset_t)));
    if (types.type_codes[i].is_repeating
            ? !isVectorAligned(follow(field), type)
            : type.isTable() && !isTableAligned(follow(field), *type.table))
      return false;
  }
  return true;
}

} // namespace

bool isAligned(const plan::Plan &plan) {
  return isTableAligned(reinterpret_cast<const uint8_t *>(&plan), *plan::PlanTypeTable());
}

} // namespace of::rt
