// Bodies that touch files: reading batches, writing and loading variables. They belong on an io
// worker.
#pragma once

#include "runtime/data/BatchReader.h"
#include "runtime/node/Snapshots.h"

namespace of::rt {

/// This device's rows of the next (micro-)batch.
class ReadBody final : public Body {
public:
  /// `reader` outlives the body. Corrupt if the data set has fewer batches than the plan takes from
  /// it.
  static Result<std::unique_ptr<Body>> create(const TaskPlace &place, const BatchReader &reader);
  Status run(int32_t, const FiringContext &context) override;

private:
  const BatchReader *reader_ = nullptr;
  uint64_t globalRows_ = 0, batchesPerEpoch_ = 0;
  bool training_ = false;
  Range rows_;
};

/// A variable's part on one device.
struct PartPlace {
  uint32_t variable = 0;
  std::string name;
  Box box;
  std::byte *data = nullptr;
  uint32_t snapshotPart = kNone; ///< its number in snapshots, if this device writes it
};

/// Copies parts to the memory of the snapshot: input port i holds variable i, or without ports the
/// variables themselves.
class WriteBody final : public Body {
public:
  static Result<std::unique_ptr<Body>> create(const TaskPlace &place, Snapshots &snapshots,
                                              const std::atomic<bool> &stopped);
  Status run(int32_t, const FiringContext &context) override;

private:
  WriteBody(Snapshots &snapshots, const std::atomic<bool> &stopped)
      : snapshots_(snapshots), stopped_(stopped) {}
  Snapshots &snapshots_;
  const std::atomic<bool> &stopped_;
  std::vector<PartPlace> parts_;
  bool fromPorts_ = false;
};

/// Loads parts from the file named at start: into output port i, or without ports into the
/// variables themselves.
class LoadBody final : public Body {
public:
  static Result<std::unique_ptr<Body>> create(const TaskPlace &place, const Checkpoint &weights);
  Status run(int32_t, const FiringContext &context) override;

private:
  const Checkpoint *weights_ = nullptr;
  std::vector<PartPlace> parts_;
  bool toPorts_ = false;
};

} // namespace of::rt
