#include "tools/of-plan/BufferFile.h"

#include "tools/of-plan/TextFile.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <map>
#include <optional>

namespace of::planTool {

namespace {

using Fields = std::vector<std::string>;

std::string trimmed(const std::string &text) {
  const size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string::npos)
    return "";
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

Fields split(const std::string &line) {
  Fields fields(1);
  for (char c : line)
    if (c == ',')
      fields.emplace_back();
    else
      fields.back() += c;
  for (std::string &f : fields)
    f = trimmed(f);
  return fields;
}

std::optional<int64_t> integer(const std::string &text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

/// Reads one file; `where_` is its present line.
class Reader {
public:
  Reader(const std::string &path, int64_t alignment) : path_(path), alignment_(alignment) {}

  Result<BufferFile> read(const std::string &text) {
    BufferFile file;
    size_t number = 0;
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find('\n', at), text.size());
      const std::string line = trimmed(text.substr(at, end - at));
      at = end + 1;
      line_ = ++number;
      if (line.empty())
        continue;
      if (columns_.empty()) {
        OF_TRY(readHeader(line));
        file.header = line;
        continue;
      }
      OF_ASSIGN(const search::Buffer buffer, readBuffer(split(line)));
      file.problem.buffers.push_back(buffer);
      file.lines.push_back(line);
    }
    if (columns_.empty())
      return wrong("there is no header; the first line names the columns id,lower,upper,size");
    return file;
  }

private:
  Status wrong(const std::string &what) const {
    return Status(Code::InvalidArgument, fmt::format("{}:{}: {}", path_, line_, what));
  }

  Status readHeader(const std::string &line) {
    const Fields names = split(line);
    for (size_t c = 0; c < names.size(); ++c)
      if (!columns_.emplace(names[c], c).second)
        return wrong(fmt::format("column \"{}\" comes twice", names[c]));
    for (const char *name : {"id", "lower", "upper", "size"})
      if (!columns_.count(name))
        return wrong(fmt::format("there is no column \"{}\"", name));
    if (columns_.count("offset"))
      return wrong("there is a column \"offset\" already; take it out");
    return Status::ok();
  }

  Result<int64_t> field(const Fields &fields, const char *name) const {
    const std::string &text = fields[columns_.at(name)];
    const std::optional<int64_t> value = integer(text);
    if (!value)
      return wrong(fmt::format("{} is \"{}\", which is no integer below 2^63", name, text));
    return *value;
  }

  Result<search::Buffer> readBuffer(const Fields &fields) {
    if (fields.size() != columns_.size())
      return wrong(
          fmt::format("has {} fields where the header names {}", fields.size(), columns_.size()));
    const std::string &id = fields[columns_.at("id")];
    if (const auto [first, fresh] = ids_.emplace(id, line_); !fresh)
      return wrong(fmt::format("id \"{}\" is that of line {} too", id, first->second));
    search::Buffer buffer;
    const std::optional<int64_t> number = integer(id);
    buffer.id = number && *number >= 0 ? uint64_t(*number) : line_;
    OF_ASSIGN(buffer.lower, field(fields, "lower"));
    OF_ASSIGN(buffer.upper, field(fields, "upper"));
    OF_ASSIGN(buffer.size, field(fields, "size"));
    buffer.alignment = alignment_;
    if (columns_.count("alignment")) {
      OF_ASSIGN(buffer.alignment, field(fields, "alignment"));
    }
    search::PackingProblem alone{{buffer}, {}};
    if (const Status status = alone.check(); !status.isOk())
      return wrong(status.message());
    return buffer;
  }

  const std::string path_;
  const int64_t alignment_;
  size_t line_ = 1;
  std::map<std::string, size_t> columns_, ids_;
};

} // namespace

Result<BufferFile> readBuffers(const std::string &path, int64_t alignment) {
  OF_ASSIGN(const std::string text, readTextFile(path));
  return Reader(path, alignment).read(text);
}

std::string withOffsets(const BufferFile &file, const std::vector<int64_t> &offsets) {
  std::string out = file.header + ",offset\n";
  for (size_t i = 0; i < offsets.size(); ++i)
    out += fmt::format("{},{}\n", file.lines[i], offsets[i]);
  return out;
}

} // namespace of::planTool
