// What one exchange costs: every destination device reads its pieces from their sources at once.
//
// The pieces are those the runtime will move (runtime/base/Exchange.h). Seconds are the latency of
// the slowest path plus the time of the busiest thing: a resource that pieces cross, or the memory
// of a device that copies or reduces them. On large meshes the destinations of some hosts stand for
// all of them. Where all dims of a tensor cut evenly its pieces are the same parts of it
// whatever its size, so what an exchange loads is known once for all sizes (ExchangeLoads). Pure
// functions, any thread.
#pragma once

#include "lib/Cost/Cluster.h"
#include "runtime/base/Exchange.h"

#include <map>
#include <utility>
#include <vector>

namespace of {

struct ExchangeCost {
  double seconds = 0;
  int64_t bytesMoved = 0;   ///< between different devices
  int64_t busiestBytes = 0; ///< through the memory of the device that has most to do
};

/// Which part of an exchange passes between hosts and which part devices work for: the network
/// moves pieces while devices compute, copying and reducing take their time. The seconds of
/// ExchangeCost are about the longer of both.
struct ExchangeShares {
  struct Part {
    double latency = 0, bytes = 0; ///< seconds until something moves, and while it does
    double seconds() const { return latency + bytes; }
  };
  Part network; ///< between hosts
  Part device;  ///< the rest

  /// Another tensor of the same exchange: its devices wait for each other once.
  void add(const ExchangeShares &other);
};

/// What an exchange loads, and so what it costs for a tensor of any size. Sizes of pieces are in
/// elements of the tensor that it was made from. Borrows the cluster.
struct ExchangeLoads {
  using Sizes = std::vector<std::pair<int64_t, int64_t>>; ///< elements of a message, how many
  struct Messages {
    double part = 1; ///< that a resource carries of them
    Sizes sizes;
  };
  /// Resources that carry no more than another of their family are left out.
  struct Use {
    int64_t resource = 0;
    bool isNetwork = false; ///< something that pieces between hosts pass
    std::vector<Messages> messages;
  };

  const Cluster *cluster = nullptr;
  int64_t elements = 0; ///< of the tensor
  int64_t moved = 0;    ///< elements between different devices
  double latency = 0, networkLatency = 0;
  std::map<double, int64_t> memory; ///< most elements through a memory, by its bytes per second
  std::vector<Use> uses;

  /// Of a tensor of so many bytes that cuts like the one this was made from.
  ExchangeCost cost(int64_t bytes) const;
  ExchangeShares shares(int64_t bytes) const;

private:
  int64_t bytesOf(int64_t part, int64_t bytes) const;
  /// Seconds of the busiest thing between hosts, and of the busiest other.
  std::pair<double, double> busiest(int64_t bytes) const;
};

/// `known` is of `src`, and learns.
ExchangeLoads exchangeLoads(const Cluster &cluster, const Shape &shape, const Layout &src,
                            const Layout &dst, KnownTerms *known = nullptr);

ExchangeCost exchangeCost(const Cluster &cluster, const Shape &shape, DType dtype,
                          const Layout &src, const Layout &dst);

/// How far apart two devices of the cluster are.
DistanceFn distanceIn(const Cluster &cluster);

} // namespace of
