#include "runtime/base/Landing.h"

#include <map>

namespace of {

namespace {
int64_t bytesOf(int64_t elements, DType dtype) {
  return elements * static_cast<int64_t>(sizeOf(dtype));
}
} // namespace

std::vector<LandingPayload> landingPayloads(const std::vector<ExchangePart> &tensors,
                                            int64_t dstDevice, const DistanceFn &distance) {
  std::map<int64_t, LandingPayload> bySource;
  for (uint32_t t = 0; t < tensors.size(); ++t) {
    const ExchangePart &tensor = tensors[t];
    const int64_t point = tensor.dst.placement.pointOf(dstDevice);
    if (point < 0)
      continue;
    for (const Piece &piece :
         receivePlan(tensor.shape, tensor.src, tensor.dst, point, distance).pieces) {
      if (distance(piece.srcDevice, dstDevice) != Distance::Remote)
        continue;
      LandingPayload &payload = bySource[piece.srcDevice];
      payload.srcDevice = piece.srcDevice;
      const int64_t bytes = bytesOf(piece.region.elements(), tensor.dtype);
      payload.pieces.push_back({t, piece, payload.bytes, bytes});
      payload.bytes += landingBytes(bytes);
    }
  }
  std::vector<LandingPayload> out;
  int64_t offset = 0;
  for (auto &[source, payload] : bySource) {
    payload.offset = offset;
    offset += payload.bytes;
    out.push_back(std::move(payload));
  }
  return out;
}

std::vector<int64_t> landingSlotBytes(const std::vector<ExchangePart> &tensors,
                                      const std::vector<int64_t> &dstDevices,
                                      const DistanceFn &distance) {
  std::vector<int64_t> bytes(dstDevices.size(), 0);
  for (const ExchangePart &tensor : tensors) {
    const PreparedExchange prepared(tensor.shape, tensor.src, tensor.dst);
    for (size_t i = 0; i < dstDevices.size(); ++i)
      if (const int64_t point = tensor.dst.placement.pointOf(dstDevices[i]); point >= 0)
        prepared.forEachSize(point, distance, [&](const PieceSize &piece) {
          if (distance(piece.srcDevice, dstDevices[i]) == Distance::Remote)
            bytes[i] += landingBytes(bytesOf(piece.elements, tensor.dtype));
        });
  }
  return bytes;
}

int64_t landingSlotBytes(const std::vector<ExchangePart> &tensors, int64_t dstDevice,
                         const DistanceFn &distance) {
  return landingSlotBytes(tensors, std::vector<int64_t>{dstDevice}, distance)[0];
}

bool takeOwnPieces(const std::vector<ExchangePart> &tensors, const std::vector<int64_t> &devices,
                   const DistanceFn &distance) {
  std::vector<bool> own(devices.size(), false);
  size_t missing = devices.size();
  for (const ExchangePart &part : tensors) {
    if (missing == 0)
      break;
    const PreparedExchange prepared(part.shape, part.src, part.dst);
    for (size_t i = 0; i < devices.size(); ++i) {
      const int64_t point = own[i] ? -1 : part.dst.placement.pointOf(devices[i]);
      if (point < 0)
        continue;
      prepared.forEachSize(point, distance, [&](const PieceSize &piece) {
        own[i] = own[i] || piece.srcDevice == devices[i];
      });
      missing -= own[i] ? 1 : 0;
    }
  }
  return missing == 0;
}

} // namespace of
