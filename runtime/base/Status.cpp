#include "runtime/base/Status.h"

namespace of {

int exitCode(Code code) {
  switch (code) {
  case Code::Ok:
    return 0;
  case Code::InvalidArgument:
    return 2;
  case Code::Corrupt:
    return 3;
  case Code::Refused:
    return 4;
  case Code::PeerLost:
    return 5;
  case Code::Numeric:
    return 6;
  case Code::Io:
    return 7;
  case Code::Internal:
    return 70;
  }
  return 70;
}

const char *codeName(Code code) {
  switch (code) {
  case Code::Ok:
    return "ok";
  case Code::InvalidArgument:
    return "invalid argument";
  case Code::Corrupt:
    return "corrupt";
  case Code::Refused:
    return "refused";
  case Code::PeerLost:
    return "peer lost";
  case Code::Numeric:
    return "numeric";
  case Code::Io:
    return "io";
  case Code::Internal:
    return "internal";
  }
  return "internal";
}

} // namespace of
