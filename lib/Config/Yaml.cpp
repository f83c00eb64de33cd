// The one file that knows yaml-cpp. It is compiled with exceptions and keeps them to itself.
#include "lib/Config/Yaml.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <yaml-cpp/yaml.h>

namespace of::config {

const Node *Node::find(std::string_view name) const {
  for (const Node &item : items)
    if (kind == Kind::Map && item.key == name)
      return &item;
  return nullptr;
}

std::string Diagnostic::text() const {
  std::string where = file;
  if (at.line > 0)
    where += ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
  return where + ": " + message;
}

static Position positionOf(const YAML::Mark &mark) {
  return mark.is_null() ? Position{} : Position{mark.line + 1, mark.column + 1};
}

namespace {

/// Copies the library's graph into a tree. Aliases make a graph of it that a short text can let
/// grow without end, or that contains itself.
class Converter {
public:
  Converter(Report &report, size_t textBytes) : report(report), mostNodes(kFewNodes + textBytes) {}

  Node convert(const YAML::Node &in, int depth = 0);

private:
  // No file that people write comes near.
  static constexpr int kDeepest = 64;
  /// A text has no more values than bytes, but for its aliases: those may make so many more.
  static constexpr size_t kFewNodes = 1 << 17;
  /// Of a value; longer texts count as more of them.
  static constexpr size_t kNodeBytes = 128;

  void convertMap(const YAML::Node &in, Node &out, int depth);
  bool isTooLarge(const Node &at, int depth, size_t textBytes);

  Report &report;
  const size_t mostNodes;
  size_t nodes = 0;
  bool stopped = false;
};

bool Converter::isTooLarge(const Node &at, int depth, size_t textBytes) {
  nodes += 1 + textBytes / kNodeBytes;
  if (!stopped && (depth > kDeepest || nodes > mostNodes)) {
    stopped = true;
    report.add(at.at,
               depth > kDeepest
                   ? "lists and maps lie more than 64 deep in one another, or one in itself"
                   : "its aliases make more than " + std::to_string(mostNodes) + " values of it");
  }
  return stopped;
}

void Converter::convertMap(const YAML::Node &in, Node &out, int depth) {
  for (auto entry : in) {
    Position keyAt = positionOf(entry.first.Mark());
    if (!entry.first.IsScalar()) {
      report.add(keyAt, "a key must be a word");
      continue;
    }
    if (const Node *first = out.find(entry.first.Scalar())) {
      report.add(keyAt, "key '" + entry.first.Scalar() + "' is given twice; the first is in line " +
                            std::to_string(first->keyAt.line));
      continue;
    }
    Node child = convert(entry.second, depth + 1);
    child.key = entry.first.Scalar();
    child.keyAt = keyAt;
    if (child.at.line == 0)
      child.at = keyAt;
    out.items.push_back(std::move(child));
  }
}

Node Converter::convert(const YAML::Node &in, int depth) {
  Node out;
  out.at = positionOf(in.Mark());
  if (isTooLarge(out, depth, in.IsScalar() ? in.Scalar().size() : 0))
    return out;
  if (in.IsScalar()) {
    out.kind = Node::Kind::Scalar;
    out.text = in.Scalar();
    out.quoted = in.Tag() == "!";
  } else if (in.IsSequence()) {
    out.kind = Node::Kind::List;
    for (const YAML::Node &item : in)
      out.items.push_back(convert(item, depth + 1));
  } else if (in.IsMap()) {
    out.kind = Node::Kind::Map;
    convertMap(in, out, depth);
  }
  return out;
}

} // namespace

Node parseYaml(const std::string &text, Report &report) {
  try {
    Node node = Converter(report, text.size()).convert(YAML::Load(text));
    if (node.at.line == 0) // an empty file: what it lacks, it lacks at its beginning
      node.at = {1, 1};
    return node;
  } catch (const YAML::Exception &e) {
    report.add(positionOf(e.mark), "this is no YAML: " + e.msg);
    return {};
  }
}

Node readYaml(Report &report) {
  std::ifstream in(report.file());
  std::string text;
  char part[4096];
  while (in.read(part, sizeof part) || in.gcount() > 0)
    text.append(part, in.gcount());
  if (!in.is_open() || in.bad()) { // a folder opens, and fails when it is read
    report.add({}, std::string("cannot be read: ") + std::strerror(errno));
    return {};
  }
  return parseYaml(text, report);
}

} // namespace of::config
