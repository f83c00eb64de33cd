// What the files of the semantic verifier share; for them alone.
#pragma once

#include "runtime/base/Sizes.h"
#include "runtime/schema/PlanView.h"

#include <algorithm>

namespace of::rt {

/// A chunk or a tensor is smaller.
constexpr uint64_t kMaxBytes = kMostBytes;

inline Status broken(const std::string &where, const std::string &what) {
  return Status(Code::Corrupt, where + " " + what + "; the plan is damaged, compile it again");
}

template <typename V> uint32_t sizeOfVector(const V *vector) { return vector ? vector->size() : 0; }

/// Whether an enum read from a plan is one of its values; all start at 0.
template <typename E> bool known(E value) { return value >= E::MIN && value <= E::MAX; }

inline std::string quoted(const flatbuffers::String *name) {
  return name ? "'" + name->str() + "'" : "''";
}

/// Bytes of the largest part of a tensor on the devices of a role, all of which it lies on.
inline uint64_t partBytes(const plan::Plan &plan, const plan::Role &role, plan::DType dtype,
                          const flatbuffers::Vector<int64_t> *shape, const plan::Layout &layout) {
  const Layout placed = layoutOf(plan, layout);
  const Shape dims = shapeOf(shape);
  int64_t elements = 0;
  for (uint32_t device : *role.instances())
    elements = std::max(elements, boxAt(dims, placed, placed.placement.pointOf(device)).elements());
  return static_cast<uint64_t>(elements) * sizeOf(dtypeOf(dtype));
}

/// What the rules of one role in one program have in common.
class RoleProgramRules {
public:
  RoleProgramRules(const plan::Plan &plan, const plan::Role &role, uint32_t program)
      : plan_(plan), role_(role), program_(program), body_(*role.programs()->Get(program)) {}

protected:
  Status bad(const std::string &what) const {
    return broken("role " + quoted(role_.name()) + " in program " +
                      quoted(plan_.programs()->Get(program_)->name()) + ":",
                  what);
  }
  Status bad(const plan::Task &task, const std::string &what) const {
    return bad("task " + describe(task) + " " + what);
  }
  const plan::Register &reg(const plan::Port &port) const {
    return *body_.registers()->Get(port.reg());
  }

  const plan::Plan &plan_;
  const plan::Role &role_;
  const uint32_t program_;
  const plan::RoleProgram &body_;
};

/// BodyRules.cpp; ports and registers are in order.
Status verifyBody(const plan::Plan &plan, const plan::Role &role, uint32_t program,
                  const plan::Task &task);

/// Rules of one role in one program (TaskRules.cpp).
Status verifyRoleProgram(const plan::Plan &plan, const plan::Role &role, uint32_t program);

} // namespace of::rt
