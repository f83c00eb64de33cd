// Status and Result: how the runtime reports errors. No exceptions cross a folder.
//
// Whoever decides that something is an error writes the message (what, where, what to do); callers
// add context in front. The code says which documented exit code of-run ends with.
#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace of {

/// What kind of failure it is; `exitCode` maps each to the exit code of the tools.
enum class Code {
  Ok = 0,
  InvalidArgument, ///< wrong input of the user: flag, file, value
  Corrupt,         ///< plan, checkpoint or data that does not hold together
  Refused,         ///< well-formed, but not to be run: version, digest, certificate, memory
  PeerLost,        ///< another node died, never came or stopped answering
  Numeric,         ///< NaN or infinity where the job forbids it
  Io,              ///< the operating system refused: disk, socket, memory
  Internal,        ///< an invariant of ours is broken
};

/// Exit code for a scheduler: 0 ok, 2 usage or input, 3 corrupt, 4 refused, 5 peer lost, 6 numeric,
/// 7 io, 70 internal.
int exitCode(Code code);
const char *codeName(Code code);

class [[nodiscard]] Status {
public:
  Status() = default;
  Status(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  static Status ok() { return Status(); }
  bool isOk() const { return code_ == Code::Ok; }
  explicit operator bool() const { return isOk(); }
  Code code() const { return code_; }
  const std::string &message() const { return message_; }

  /// The same error with `context + ": "` in front of its message.
  Status withContext(const std::string &context) const {
    return isOk() ? *this : Status(code_, context + ": " + message_);
  }

private:
  Code code_ = Code::Ok;
  std::string message_;
};

template <typename T> class [[nodiscard]] Result {
public:
  Result(T value) : value_(std::move(value)) {}
  Result(Status status) : value_(std::move(status)) {
    assert(!std::get<Status>(value_).isOk() && "a Result without value needs an error");
  }

  bool isOk() const { return std::holds_alternative<T>(value_); }
  explicit operator bool() const { return isOk(); }
  T &operator*() { return std::get<T>(value_); }
  const T &operator*() const { return std::get<T>(value_); }
  T *operator->() { return &std::get<T>(value_); }
  const T *operator->() const { return &std::get<T>(value_); }
  Status status() const { return isOk() ? Status::ok() : std::get<Status>(value_); }

private:
  std::variant<T, Status> value_;
};

/// OF_TRY(expr): returns the error of a Status or Result expression from the enclosing function.
#define OF_TRY(expr)                                                                               \
  do {                                                                                             \
    if (auto ofTry = (expr); !ofTry.isOk())                                                        \
      return ::of::detail::statusOf(ofTry);                                                        \
  } while (0)

/// OF_ASSIGN(lhs, expr): assigns the value of a Result expression or returns its error.
#define OF_ASSIGN(lhs, expr) OF_ASSIGN_(OF_CAT_(ofResult, __LINE__), lhs, expr)
#define OF_ASSIGN_(tmp, lhs, expr)                                                                 \
  auto tmp = (expr);                                                                               \
  if (!tmp.isOk())                                                                                 \
    return tmp.status();                                                                           \
  lhs = std::move(*tmp)
#define OF_CAT_(a, b) OF_CAT2_(a, b)
#define OF_CAT2_(a, b) a##b

namespace detail {
inline Status statusOf(const Status &s) { return s; }
template <typename T> Status statusOf(const Result<T> &r) { return r.status(); }
} // namespace detail

} // namespace of
