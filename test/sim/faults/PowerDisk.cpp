#include "test/sim/faults/PowerDisk.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace of::test {

namespace {

std::pair<std::string, std::string> split(const std::string &path) {
  const size_t slash = path.find_last_of('/');
  return {path.substr(0, slash == std::string::npos ? 0 : slash),
          slash == std::string::npos ? path : path.substr(slash + 1)};
}

Status noSuch(const std::string &path) {
  return Status(Code::Io, path + ": no such file or directory");
}

} // namespace

PowerDisk::PowerDisk(uint64_t seed) : random_(seed) {
  entries_.emplace_back();
  entries_[0].isFolder = true;
}

Status PowerDisk::operate() {
  return operations_++ < strikeAt_ ? Status::ok() : Status(Code::Io, "nobody is left to see this");
}

std::optional<size_t> PowerDisk::find(const std::string &path) const {
  size_t at = 0;
  for (size_t begin = 0; begin < path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const auto it = entries_[at].names.find(path.substr(begin, end - begin));
    if (it == entries_[at].names.end() || !it->second)
      return std::nullopt;
    at = *it->second;
    begin = end + 1;
  }
  return at;
}

void PowerDisk::change(size_t folder, const Names &names) {
  for (const auto &[name, entry] : names)
    entries_[folder].names[name] = entry;
  entries_[folder].changes.push_back(names);
}

void PowerDisk::apply(std::string &bytes, const Write &write) const {
  if (write.size) {
    bytes.resize(*write.size);
    return;
  }
  bytes.resize(std::max<size_t>(bytes.size(), write.offset + write.bytes.size()));
  bytes.replace(write.offset, write.bytes.size(), write.bytes);
}

Status PowerDisk::put(size_t file, Write write) {
  const uint64_t left = capacity_ - std::min(capacity_, written_);
  const bool fits = write.bytes.size() <= left;
  if (!fits)
    write.bytes.resize(left);
  written_ += write.bytes.size();
  apply(entries_[file].bytes, write);
  entries_[file].writes.push_back(std::move(write));
  return fits ? Status::ok() : Status(Code::Io, "no space left on device");
}

Status PowerDisk::makeFolder(const std::string &path) {
  OF_TRY(operate());
  const auto [above, name] = split(path);
  const auto folder = find(above);
  if (!folder)
    return noSuch(above);
  if (find(path))
    return Status::ok();
  entries_.emplace_back();
  entries_.back().isFolder = true;
  change(*folder, {{name, entries_.size() - 1}});
  return Status::ok();
}

Result<int> PowerDisk::open(const std::string &path, uint64_t bytes) {
  OF_TRY(operate());
  const auto [above, name] = split(path);
  const auto folder = find(above);
  if (!folder)
    return noSuch(above);
  if (!find(path)) {
    entries_.emplace_back();
    change(*folder, {{name, entries_.size() - 1}});
  }
  const size_t file = *find(path);
  if (entries_[file].bytes.size() != bytes)
    OF_TRY(put(file, {0, "", bytes}));
  return static_cast<int>(file);
}

Status PowerDisk::write(int file, const void *data, size_t bytes, uint64_t offset) {
  Write write;
  write.offset = offset;
  write.bytes.assign(static_cast<const char *>(data), bytes);
  const Status status = operate();
  if (!status.isOk() && operations_ == strikeAt_ + 1) { // struck in the middle of it
    write.bytes.resize(random_() % (bytes + 1));
    (void)put(static_cast<size_t>(file), std::move(write)).isOk();
  }
  return status.isOk() ? put(static_cast<size_t>(file), std::move(write)) : status;
}

Status PowerDisk::sync(int file) {
  OF_TRY(operate());
  Entry &entry = entries_[static_cast<size_t>(file)];
  entry.safeBytes = entry.bytes;
  entry.writes.clear();
  return Status::ok();
}

Status PowerDisk::writeText(const std::string &path, const std::string &text, bool synced) {
  OF_ASSIGN(const int file, open(path, 0));
  OF_TRY(write(file, text.data(), text.size(), 0));
  return synced ? sync(file) : Status::ok();
}

Result<std::string> PowerDisk::readText(const std::string &path) {
  OF_TRY(operate());
  const auto file = find(path);
  if (!file)
    return noSuch(path);
  return entries_[*file].bytes;
}

std::vector<std::string> PowerDisk::list(const std::string &folder) {
  std::vector<std::string> out;
  if (const auto at = find(folder))
    for (const auto &[name, entry] : entries_[*at].names)
      if (entry)
        out.push_back(name);
  return out;
}

Status PowerDisk::replace(const std::string &from, const std::string &to) {
  OF_TRY(operate());
  const auto source = find(from), target = find(to);
  if (!source)
    return noSuch(from);
  change(*find(split(from).first), {{split(from).second, target}, {split(to).second, source}});
  return Status::ok();
}

Status PowerDisk::remove(const std::string &path) {
  OF_TRY(operate());
  const auto at = find(path);
  if (!at)
    return Status::ok();
  if (entries_[*at].isFolder) // as it is done really: from the inside, a name at a time
    for (const std::string &name : list(path))
      OF_TRY(remove(path + "/" + name));
  change(*find(split(path).first), {{split(path).second, std::nullopt}});
  return Status::ok();
}

Status PowerDisk::syncFolder(const std::string &path) {
  OF_TRY(operate());
  const auto at = find(path == "." ? "" : path);
  if (!at)
    return noSuch(path);
  entries_[*at].safeNames = entries_[*at].names;
  entries_[*at].changes.clear();
  return Status::ok();
}

void PowerDisk::restart(bool lost) {
  strikeAt_ = UINT64_MAX;
  capacity_ = UINT64_MAX;
  for (Entry &entry : entries_) {
    if (lost) {
      entry.bytes = entry.safeBytes;
      entry.names = entry.safeNames;
      for (Write &write : entry.writes) {
        const uint64_t fate = random_() % 4;
        if (fate == 0)
          continue;
        if (fate == 1)
          write.bytes.resize(random_() % (write.bytes.size() + 1));
        apply(entry.bytes, write);
      }
      for (const Names &names : entry.changes)
        if (random_() % 2 == 0)
          for (const auto &[name, target] : names)
            entry.names[name] = target;
    }
    entry.safeBytes = entry.bytes;
    entry.safeNames = entry.names;
    entry.writes.clear();
    entry.changes.clear();
  }
}

void PowerDisk::copyFolder(size_t folder, const std::string &to) const {
  std::filesystem::create_directories(to);
  for (const auto &[name, entry] : entries_[folder].names) {
    if (!entry)
      continue;
    if (entries_[*entry].isFolder)
      copyFolder(*entry, to + "/" + name);
    else
      std::ofstream(to + "/" + name, std::ios::binary) << entries_[*entry].bytes;
  }
}

void PowerDisk::copyTo(const std::string &folder) const { copyFolder(0, folder); }

} // namespace of::test
