// A CPU device: runs the calls of segments on its team of threads.
//
// Owned by the node; the segments it prepares borrow it. `prepare` before the run, from one thread;
// the team's leader is the thread that runs the segments (worker 0 of the device).
#pragma once

#include "runtime/device/Device.h"
#include "runtime/device/cpu/TileTeam.h"
#include "runtime/kernel/Loader.h"

#include <vector>

namespace of::rt {

struct CpuDeviceConfig {
  uint32_t threads = 1;
  bool maySpin = true;
  std::vector<std::byte *> chunks;           ///< base of each chunk of the role
  std::vector<const KernelObject *> objects; ///< by Plan.objects; null where this device needs none
  std::vector<int64_t> columns;              ///< this instance's value of each column of the role
};

class CpuDevice final : public Device {
public:
  explicit CpuDevice(CpuDeviceConfig config);

  Result<std::unique_ptr<PreparedSegment>> prepare(const plan::Segment &segment,
                                                   uint32_t worker) override;
  void enterThread() override { setFloatingPointModes(); }
  TileTeam &team() { return team_; }

private:
  CpuDeviceConfig config_;
  TileTeam team_;
};

} // namespace of::rt
