// The two ends of an exchange.
//
// A destination takes each piece from where the path of its source puts it: the slot of a device of
// this process, the mapped slot of another process of this host, or its own landing slot. What
// lands and is one run of the output may land there at once, if the task waits for nothing else. A
// source does nothing when it fires but for pushed edges, for which it hands out the packed bytes
// when the machine asks for the push.
//
// Prepared at start, run by the worker of their stream only.
#pragma once

#include "runtime/actor/Build.h"
#include "runtime/base/Landing.h"
#include "runtime/node/Body.h"
#include "runtime/node/Memory.h"

namespace of::rt {

/// Where the slots of a register lie.
struct SlotRange {
  std::byte *base = nullptr;
  uint64_t slotBytes = 0;
  uint32_t slots = 1;
  std::byte *at(uint64_t version) const { return base + (version % slots) * slotBytes; }
};

/// Everything a body needs to look itself up in the plan.
struct TaskPlace {
  const plan::Plan *plan = nullptr;
  const NodeMemory *memory = nullptr;
  const ProgramTable *table = nullptr;
  uint32_t device = 0;
  uint32_t task = 0; ///< in the table
};

SlotRange slotRange(const TaskPlace &place, uint32_t device, const plan::RoleProgram &body,
                    uint32_t reg);

class SendBody final : public Body {
public:
  static Result<std::unique_ptr<SendBody>> create(const TaskPlace &place);

  Status run(int32_t, const FiringContext &) override { return Status::ok(); }

  struct Bytes {
    const std::byte *data = nullptr;
    size_t bytes = 0;
  };
  /// The pieces of pushed edge `edge` (index in the table) for firing `sequence`: in the source's
  /// slot where they are one run of it, else packed into a buffer of the edge that is kept until
  /// the push is done.
  Bytes pack(const Machine &machine, uint32_t edge, uint64_t sequence);

private:
  struct Source {
    uint32_t port = 0;
    DType dtype = DType::F32;
    RegionRuns runs;    ///< from its slot to its place in the payload
    int64_t offset = 0; ///< in the payload
  };
  struct PushedEdge {
    int64_t bytes = 0;
    std::vector<Source> pieces;
    bool direct = false; ///< one contiguous run: pushed from the slot itself
    uint64_t directOffset = 0;
    std::vector<std::byte> staging; ///< window payloads
    uint32_t window = 1;
  };
  void prepareEdge(const TaskPlace &place, const EdgeEntry &edge,
                   const std::vector<ExchangePart> &parts, PushedEdge &out) const;

  uint32_t firstInput_ = 0, firstEdge_ = 0;
  std::vector<SlotRange> inputs_;
  std::vector<PushedEdge> edges_;
};

class ReceiveBody final : public Body {
public:
  static Result<std::unique_ptr<ReceiveBody>> create(const TaskPlace &place);

  Status run(int32_t, const FiringContext &context) override;

  struct Landing {
    std::byte *data = nullptr;
    size_t bytes = 0;
  };
  /// Where version `sequence` of pushed edge `edge` (index in the table) lands.
  Landing landing(uint32_t edge, uint64_t sequence) const;

  /// Where in an output all bytes of a pushed edge belong that are only copied there.
  struct Room {
    uint32_t output = kNone;
    uint64_t offset = 0;
  };
  /// The room of an edge (index in the table); null if it has none, or was asked for this version.
  const Room *newRoom(uint32_t edge, uint64_t sequence);
  bool mayLandInPlace() const;
  /// Version `sequence` of an edge has landed, in its room or in its landing slot.
  void noteLanding(uint32_t edge, uint64_t sequence, bool inPlace);

private:
  struct Step {
    bool reduce = false;
    RegionRuns runs; ///< from the piece to the output
    SlotRange source;
    uint64_t offset = 0;   ///< of the piece in its slot
    bool isAfar = false;   ///< of another process of this host
    uint32_t edge = kNone; ///< that pushes it, counted from the task's first
    /// Of the first of so many steps that are the terms of one run: they are taken in one pass
    /// over memory. Otherwise 1.
    uint32_t terms = 1;
  };
  struct Output {
    DType dtype = DType::F32;
    SbpKind reduction = SbpKind::PartialSum;
    Box box;
    bool fill = false;
    std::vector<Step> steps;
    std::vector<const void *> terms; ///< of the run in progress
  };
  struct Sources;
  Status prepareLandings(const TaskPlace &place, const std::vector<ExchangePart> &parts,
                         const plan::Receive &receive);
  Result<SlotRange> sourceSlots(const TaskPlace &place, int64_t device, uint32_t exchange,
                                uint32_t tensor) const;
  Status prepareOutput(const TaskPlace &place, const ExchangePart &part, uint32_t tensor,
                       uint32_t exchange);
  Status prepareStep(const TaskPlace &place, const ExchangePart &part, const Piece &piece,
                     const Box &box, uint32_t tensor, uint32_t exchange, Step &step) const;
  static void joinTerms(Output &output);
  /// A pushed edge; versions plus 1, 0: none.
  struct Pushed {
    Room room;
    uint64_t askedFor = 0, inPlace = 0;
  };

  void findRooms();
  /// Whether what the step would copy has landed where it belongs.
  bool tookRoom(const Step &step, uint64_t firing);
  void take(Output &output, std::byte *out, uint64_t firing);

  uint32_t firstEdge_ = 0;
  SlotRange landing_;
  std::vector<LandingPayload> payloads_;       ///< of remote sources
  std::vector<const LandingPayload *> byEdge_; ///< null for edges of this host
  std::vector<Output> outputs_;
  std::vector<Pushed> pushed_; ///< by edge
};

} // namespace of::rt
