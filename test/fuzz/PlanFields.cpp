#include "test/fuzz/PlanFields.h"

#include <algorithm>
#include <cstring>
#include <flatbuffers/reflection.h>
#include <limits>
#include <map>
#include <set>

namespace of::fuzz {

namespace {

using reflection::BaseType;

constexpr uint32_t kAllElements = 40; ///< of a longer vector only the first and last are changed
constexpr size_t kOthers = 3;         ///< objects that stand in for one

bool isTable(const reflection::Object &object) { return !object.is_struct(); }

/// What an integer of `size` bytes is replaced by.
std::set<uint64_t> integersNear(uint64_t v, size_t size) {
  const uint64_t max = ~uint64_t(0) >> (64 - 8 * size);
  std::set<uint64_t> out;
  for (const uint64_t other :
       {uint64_t(0), uint64_t(1), uint64_t(2), uint64_t(3), v + 1, v - 1, v + 64, v - 64, 2 * v,
        v / 2, max, max / 2, max / 2 + 1, uint64_t(1) << 16, uint64_t(1) << 32, uint64_t(1) << 40})
    out.insert(other & max);
  out.erase(v);
  return out;
}

std::set<uint64_t> bitsOfFloats() {
  std::set<uint64_t> out;
  for (const double value :
       {0.0, -1.0, 1e308, -1e308, 5e-324, std::numeric_limits<double>::infinity(),
        std::numeric_limits<double>::quiet_NaN()}) {
    uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    out.insert(bits);
  }
  return out;
}

class Walk {
public:
  Walk(const reflection::Schema &schema, std::vector<uint8_t> bytes, const VisitPlan &visit)
      : schema_(schema), bytes_(std::move(bytes)), visit_(visit) {}

  void run() {
    for (collecting_ = true;; collecting_ = false) {
      table(*flatbuffers::GetAnyRoot(bytes_.data()), *schema_.root_table(), "plan");
      if (!collecting_)
        break;
    }
  }

private:
  // ---- The buffer

  size_t placeOf(const void *at) const {
    return static_cast<size_t>(static_cast<const uint8_t *>(at) - bytes_.data());
  }
  template <typename T> T load(size_t place) const {
    T out;
    std::memcpy(&out, bytes_.data() + place, sizeof out);
    return out;
  }
  /// Shows the buffer with these bytes there, and puts the old ones back.
  void with(size_t place, const void *bytes, size_t size, const std::string &what) {
    if (collecting_)
      return;
    std::vector<uint8_t> old(bytes_.begin() + static_cast<long>(place),
                             bytes_.begin() + static_cast<long>(place + size));
    std::memcpy(bytes_.data() + place, bytes, size);
    visit_(what, bytes_);
    std::memcpy(bytes_.data() + place, old.data(), size);
  }
  template <typename T> void with(size_t place, T value, const std::string &what) {
    with(place, &value, sizeof value, what);
  }

  // ---- Parts

  void scalar(size_t place, BaseType type, const std::string &path) {
    const size_t size = flatbuffers::GetTypeSize(type);
    uint64_t now = 0;
    std::memcpy(&now, bytes_.data() + place, size);
    for (const uint64_t other :
         type == reflection::Double ? bitsOfFloats() : integersNear(now, size))
      with(place, &other, size, path + " = " + std::to_string(other));
  }

  /// A slot that holds the distance to a string or table: others of the plan in its place.
  void redirect(size_t slot, const std::string &kind, const std::string &path) {
    const size_t target = slot + load<uint32_t>(slot);
    std::vector<size_t> &known = objects_[kind];
    if (collecting_) {
      known.push_back(target);
      return;
    }
    size_t shown = 0;
    // Distances are not negative.
    for (size_t i = 0; i < known.size() && shown < kOthers; ++i)
      if (const size_t other = known[(i * 7 + target) % known.size()];
          other > slot && other != target) {
        with(slot, static_cast<uint32_t>(other - slot), path + " is another");
        ++shown;
      }
  }

  void string(size_t slot, const std::string &kind, const std::string &path) {
    redirect(slot, kind, path);
    const size_t at = slot + load<uint32_t>(slot);
    lengths(at, path);
    if (load<uint32_t>(at) > 0)
      with(at + 4, static_cast<uint8_t>(bytes_[at + 4] ^ 0x55), path + "[0] is another letter");
  }

  /// The length of the vector at this place says something else than there is.
  void lengths(size_t at, const std::string &path) {
    const uint32_t n = load<uint32_t>(at);
    for (const uint32_t other : std::set<uint32_t>{0, n / 2, n - 1, n + 1, 2 * n + 1, ~0u})
      if (other != n)
        with(at, other,
             path + " has " + std::to_string(other) + " elements of " + std::to_string(n));
  }

  void swapped(size_t at, size_t size, uint32_t i, uint32_t j, const std::string &path) {
    const size_t a = at + 4 + i * size, b = at + 4 + j * size;
    std::vector<uint8_t> both(bytes_.begin() + static_cast<long>(a),
                              bytes_.begin() + static_cast<long>(b + size));
    for (size_t k = 0; k < size; ++k)
      std::swap(both[k], both[both.size() - size + k]);
    with(a, both.data(), both.size(),
         path + ": elements " + std::to_string(i) + " and " + std::to_string(j) + " change places");
  }

  /// One more element, like the last.
  void longer(size_t at, size_t size, bool isOffset, const std::string &path) {
    const uint32_t n = load<uint32_t>(at);
    if (collecting_ || n == 0)
      return;
    std::vector<uint8_t> copy = bytes_;
    const auto *vector = reinterpret_cast<const flatbuffers::VectorOfAny *>(copy.data() + at);
    flatbuffers::ResizeAnyVector(schema_, n + 1, vector, n,
                                 static_cast<flatbuffers::uoffset_t>(size), &copy,
                                 schema_.root_table());
    uint8_t *last = copy.data() + at + 4 + (n - 1) * size;
    std::memcpy(last + size, last, size);
    if (isOffset) {
      uint32_t distance = 0;
      std::memcpy(&distance, last, 4);
      distance -= 4;
      std::memcpy(last + size, &distance, 4);
    }
    visit_(path + " has one element more", copy);
  }

  void vector(size_t slot, const reflection::Field &field, const std::string &path) {
    const size_t at = slot + load<uint32_t>(slot);
    const BaseType type = field.type()->element();
    const reflection::Object *object =
        type == reflection::Obj
            ? schema_.objects()->Get(static_cast<uint32_t>(field.type()->index()))
            : nullptr;
    const bool isOffset = type == reflection::String || (object && isTable(*object));
    const size_t size = isOffset ? 4
                        : object ? static_cast<size_t>(object->bytesize())
                                 : flatbuffers::GetTypeSize(type);
    const uint32_t n = load<uint32_t>(at);
    lengths(at, path);
    longer(at, size, isOffset, path);
    if (!isOffset && n > 1)
      for (const auto &[i, j] :
           std::set<std::pair<uint32_t, uint32_t>>{{0, 1}, {n - 2, n - 1}, {0, n - 1}})
        swapped(at, size, i, j, path);
    const bool isCode = path.find(".data") != std::string::npos && type == reflection::UByte;
    for (uint32_t i = 0; i < n && !isCode; ++i)
      if (isOffset || n <= kAllElements || i < kAllElements / 8 || i + 2 >= n)
        element(at + 4 + i * size, field, object, path + "[" + std::to_string(i) + "]");
  }

  void element(size_t place, const reflection::Field &field, const reflection::Object *object,
               const std::string &path) {
    const BaseType type = field.type()->element();
    if (type == reflection::String)
      return string(place, field.name()->str(), path);
    if (!object)
      return scalar(place, type, path);
    if (!isTable(*object))
      return structure(place, *object, path);
    redirect(place, object->name()->str(), path);
    table(*reinterpret_cast<const flatbuffers::Table *>(bytes_.data() + place +
                                                        load<uint32_t>(place)),
          *object, path);
  }

  void structure(size_t place, const reflection::Object &object, const std::string &path) {
    for (const reflection::Field *field : *object.fields())
      scalar(place + field->offset(), field->type()->base_type(),
             path + "." + field->name()->str());
  }

  void table(const flatbuffers::Table &table, const reflection::Object &object,
             const std::string &path) {
    for (const reflection::Field *field : *object.fields())
      if (const uint16_t offset = table.GetOptionalFieldOffset(field->offset()))
        part(table, placeOf(&table) + offset, *field, object, path + "." + field->name()->str());
  }

  void part(const flatbuffers::Table &table, size_t place, const reflection::Field &field,
            const reflection::Object &parent, const std::string &path) {
    const BaseType type = field.type()->base_type();
    if (type < reflection::String)
      return scalar(place, type, path);
    absent(table, field, path);
    if (type == reflection::String)
      return string(place, field.name()->str(), path);
    if (type == reflection::Vector)
      return vector(place, field, path);
    const reflection::Object &object =
        type == reflection::Union
            ? flatbuffers::GetUnionType(schema_, parent, field, table)
            : *schema_.objects()->Get(static_cast<uint32_t>(field.type()->index()));
    if (!isTable(object))
      return structure(place, object, path);
    redirect(place, object.name()->str(), path);
    this->table(*reinterpret_cast<const flatbuffers::Table *>(bytes_.data() + place +
                                                              load<uint32_t>(place)),
                object, path);
  }

  /// Tables of one form share the list that says where their fields are: the field goes from all.
  void absent(const flatbuffers::Table &table, const reflection::Field &field,
              const std::string &path) {
    const size_t entry = placeOf(table.GetVTable()) + field.offset();
    if (!collecting_ && gone_.insert(entry).second)
      with(entry, uint16_t(0), path + " is not there");
  }

  const reflection::Schema &schema_;
  std::vector<uint8_t> bytes_;
  const VisitPlan &visit_;
  bool collecting_ = true; ///< the first walk learns what can stand in for what
  std::map<std::string, std::vector<size_t>> objects_; ///< places of strings and tables, by kind
  std::set<size_t> gone_;
};

} // namespace

void changeEachField(const std::vector<uint8_t> &schema, const std::vector<uint8_t> &buffer,
                     const VisitPlan &visit) {
  Walk(*reflection::GetSchema(schema.data()), buffer, visit).run();
}

} // namespace of::fuzz
