#include "runtime/node/EventFile.h"

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

// ---- Protocol buffers.

std::string varint(uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7)
    out += static_cast<char>(value | 0x80);
  return out + static_cast<char>(value);
}
std::string numberField(int field, uint64_t value) {
  return varint(static_cast<uint64_t>(field) << 3) + varint(value);
}
std::string fixedField(int field, double value) {
  return varint(static_cast<uint64_t>(field) << 3 | 1) + raw(value);
}
std::string fixedField(int field, float value) {
  return varint(static_cast<uint64_t>(field) << 3 | 5) + raw(value);
}
std::string bytesField(int field, const std::string &bytes) {
  return varint(static_cast<uint64_t>(field) << 3 | 2) + varint(bytes.size()) + bytes;
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
  out->write(fixedField(1, wallSeconds()) + bytesField(3, "brain.Event:2"));
  OF_TRY(out->flush());
  return out;
}

void EventFile::write(const std::string &event) {
  const std::string length = raw<uint64_t>(event.size());
  const std::string record = length + masked(length) + event + masked(event);
  std::fwrite(record.data(), 1, record.size(), file_);
}

void EventFile::add(uint64_t step, const std::vector<std::pair<std::string, double>> &values) {
  std::string summary;
  for (const auto &[tag, value] : values)
    summary += bytesField(1, bytesField(1, tag) + fixedField(2, static_cast<float>(value)));
  write(fixedField(1, wallSeconds()) + numberField(2, step) + bytesField(5, summary));
}

Status EventFile::flush() {
  return std::fflush(file_) == 0
             ? Status::ok()
             : Status(Code::Io, "cannot write " + path_ + ": " + std::strerror(errno));
}

} // namespace of::rt
