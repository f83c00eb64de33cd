#include "runtime/node/EventFile.h"

#include "runtime/base/Protobuf.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fmt/format.h>
#include <unistd.h>

namespace of::rt {

namespace {

constexpr std::array<uint32_t, 256> makeTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit)
      value = value & 1 ? value >> 1 ^ 0x82f63b78u : value >> 1;
    table[i] = value;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kTable = makeTable();

template <typename T> std::string raw(T value) {
  return std::string(reinterpret_cast<const char *>(&value), sizeof value);
}

/// A checksum of data that itself holds checksums.
std::string masked(const std::string &bytes) {
  const uint32_t crc = crc32c(bytes.data(), bytes.size());
  return raw<uint32_t>((crc >> 15 | crc << 17) + 0xa282ead8u);
}

double wallSeconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

} // namespace

uint32_t crc32c(const void *data, size_t bytes) {
  uint32_t crc = ~0u;
  for (size_t i = 0; i < bytes; ++i)
    crc = crc >> 8 ^ kTable[(crc ^ static_cast<const uint8_t *>(data)[i]) & 0xff];
  return ~crc;
}

EventFile::~EventFile() { std::fclose(file_); }

Result<std::unique_ptr<EventFile>> EventFile::create(const std::string &folder) {
  char host[256] = "host";
  (void)::gethostname(host, sizeof host - 1);
  const std::string path = fmt::format("{}/events.out.tfevents.{}.{}.{}", folder,
                                       static_cast<uint64_t>(wallSeconds()), host, ::getpid());
  std::FILE *file = std::fopen(path.c_str(), "wb");
  if (!file)
    return Status(Code::Io, "cannot write " + path + ": " + std::strerror(errno));
  std::unique_ptr<EventFile> out(new EventFile(path, file));
  std::string version;
  protobuf::appendFixed(version, 1, wallSeconds());
  protobuf::appendBytes(version, 3, "brain.Event:2");
  out->write(version);
  OF_TRY(out->flush());
  return out;
}

void EventFile::write(const std::string &event) {
  const std::string length = raw<uint64_t>(event.size());
  const std::string record = length + masked(length) + event + masked(event);
  std::fwrite(record.data(), 1, record.size(), file_);
}

void EventFile::add(uint64_t step, const std::vector<std::pair<std::string, double>> &values) {
  std::string summary, event;
  for (const auto &[tag, value] : values) {
    std::string scalar;
    protobuf::appendBytes(scalar, 1, tag);
    protobuf::appendFixed(scalar, 2, static_cast<float>(value));
    protobuf::appendBytes(summary, 1, scalar);
  }
  protobuf::appendFixed(event, 1, wallSeconds());
  protobuf::appendNumber(event, 2, step);
  protobuf::appendBytes(event, 5, summary);
  write(event);
}

Status EventFile::flush() {
  return std::fflush(file_) == 0
             ? Status::ok()
             : Status(Code::Io, "cannot write " + path_ + ": " + std::strerror(errno));
}

} // namespace of::rt
