#include "runtime/schema/PlanFile.h"

#include "runtime/schema/Alignment.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace of::rt {

namespace {

constexpr char kMagic[8] = {'O', 'F', 'P', 'L', 'A', 'N', '\r', '\n'};
constexpr size_t kHeaderBytes = 64, kDigestBytes = 16;

struct Header {
  char magic[8];
  uint32_t version;
  uint32_t zero;
  uint64_t length;
  uint8_t digest[kDigestBytes];
  uint8_t rest[24];
};
static_assert(sizeof(Header) == kHeaderBytes, "the header has no padding");

void digestOf(const void *data, size_t bytes, uint8_t (&out)[kDigestBytes]) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(data, bytes));
  std::memcpy(out, canonical.digest, kDigestBytes);
}

std::string hex(const uint8_t (&digest)[kDigestBytes]) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (uint8_t byte : digest) {
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

Status corrupt(const std::string &path, const std::string &why) {
  return Status(Code::Corrupt, path + " " + why + "; compile it again or copy it anew");
}

Status checkHeader(const std::string &path, const Header &header, size_t fileBytes,
                   const std::byte *buffer) {
  if (std::memcmp(header.magic, kMagic, sizeof kMagic) != 0)
    return corrupt(path, "is no plan");
  if (header.version != kPlanVersion)
    return Status(Code::Refused, path + " is a plan of format " + std::to_string(header.version) +
                                     ", this of-run reads format " + std::to_string(kPlanVersion) +
                                     "; use of-compile and of-run of one version");
  if (header.length != fileBytes - kHeaderBytes)
    return corrupt(path, "has " + std::to_string(fileBytes - kHeaderBytes) +
                             " bytes of plan, its header says " + std::to_string(header.length));
  uint8_t digest[kDigestBytes];
  digestOf(buffer, header.length, digest);
  if (std::memcmp(digest, header.digest, kDigestBytes) != 0)
    return corrupt(path, "has been altered: its digest is " + hex(digest) + ", its header says " +
                             hex(header.digest));
  return Status::ok();
}

} // namespace

PlanFile &PlanFile::operator=(PlanFile &&other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  std::swap(plan_, other.plan_);
  std::swap(digest_, other.digest_);
  return *this;
}

PlanFile::~PlanFile() {
  if (data_)
    ::munmap(data_, bytes_);
}

Result<PlanFile> PlanFile::open(const std::string &path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat info {};
  if (fd < 0 || ::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    const std::string why = fd < 0 ? std::strerror(errno) : "not a file";
    if (fd >= 0)
      ::close(fd);
    return Status(Code::InvalidArgument, "cannot open the plan " + path + ": " + why);
  }
  PlanFile file;
  const size_t bytes = static_cast<size_t>(info.st_size);
  if (bytes <= kHeaderBytes) {
    ::close(fd);
    return corrupt(path, "is no plan");
  }
  void *data = ::mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, fd, 0);
  const int error = errno;
  ::close(fd);
  if (data == MAP_FAILED)
    return Status(Code::Io, "cannot map " + path + ": " + std::strerror(error));
  file.data_ = static_cast<std::byte *>(data);
  file.bytes_ = bytes;
  Header header;
  std::memcpy(&header, file.data_, kHeaderBytes);
  const std::byte *buffer = file.data_ + kHeaderBytes;
  OF_TRY(checkHeader(path, header, bytes, buffer));
  flatbuffers::Verifier verifier(reinterpret_cast<const uint8_t *>(buffer), header.length, 64,
                                 1u << 30);
  if (!plan::VerifyPlanBuffer(verifier))
    return corrupt(path, "has offsets that leave the file");
  file.plan_ = plan::GetPlan(buffer);
  if (!isAligned(*file.plan_))
    return corrupt(path, "has numbers that lie where none may");
  file.digest_ = hex(header.digest);
  return file;
}

std::vector<uint8_t> sealPlan(const uint8_t *buffer, size_t bytes) {
  Header header{};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  header.version = kPlanVersion;
  header.length = bytes;
  digestOf(buffer, bytes, header.digest);
  std::vector<uint8_t> out(kHeaderBytes + bytes);
  std::memcpy(out.data(), &header, kHeaderBytes);
  std::memcpy(out.data() + kHeaderBytes, buffer, bytes);
  return out;
}

bool isReplaceable(const std::string &path) {
  struct stat there;
  return ::stat(path.c_str(), &there) != 0 || S_ISREG(there.st_mode);
}

Status writePlan(const std::string &path, const plan::PlanT &plan) {
  flatbuffers::FlatBufferBuilder builder;
  builder.ForceDefaults(false);
  plan::FinishPlanBuffer(builder, plan::Plan::Pack(builder, &plan));
  const std::vector<uint8_t> file = sealPlan(builder.GetBufferPointer(), builder.GetSize());
  const bool isPlain = isReplaceable(path);
  const std::string aside = isPlain ? path + ".tmp" : path;
  const int fd = ::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0)
    return Status(Code::Io, "cannot write " + aside + ": " + std::strerror(errno));
  size_t written = 0;
  while (written < file.size()) {
    const ssize_t n = ::write(fd, file.data() + written, file.size() - written);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      break;
    written += static_cast<size_t>(n);
  }
  const bool done = written == file.size() && (!isPlain || ::fsync(fd) == 0);
  const int error = errno;
  ::close(fd);
  if (done && (!isPlain || ::rename(aside.c_str(), path.c_str()) == 0))
    return Status::ok();
  if (isPlain)
    ::unlink(aside.c_str());
  return Status(Code::Io, "cannot write " + path + ": " + std::strerror(done ? errno : error));
}

} // namespace of::rt
