// A YAML document as a tree of values that know where they stand.
//
// Why: every complaint about job.yaml or cluster.yaml names file, line and column, and may come
// long after parsing. The tree is a plain value, owned by whoever holds it; nothing of the YAML
// library shows here, and no exception leaves this file. Pure, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace of::config {

/// 1-based; line 0 says "nowhere in a file" (a default, or an attribute read back from IR).
struct Position {
  int line = 0, column = 0;
};

struct Node {
  enum class Kind { Null, Scalar, List, Map };
  Kind kind = Kind::Null;
  std::string text;        ///< of a scalar
  bool quoted = false;     ///< a scalar in quotes is text and never a number
  Position at;             ///< of the value
  std::string key;         ///< of a child of a map
  Position keyAt;          ///< of that key
  std::vector<Node> items; ///< children of a list or map, in the order of the file

  /// Child of a map by key, or null.
  const Node *find(std::string_view name) const;

  static Node scalar(std::string text) {
    Node node;
    node.kind = Kind::Scalar;
    node.text = std::move(text);
    return node;
  }
};

/// One complaint, a whole sentence.
struct Diagnostic {
  std::string file;
  Position at;
  std::string message;
  /// "job.yaml:3:7: message"
  std::string text() const;
};

/// Collects complaints about one file, so that all of them are told and not only the first.
class Report {
public:
  explicit Report(std::string file) : file_(std::move(file)) {}
  void add(Position at, std::string message) {
    diagnostics_.push_back({file_, at, std::move(message)});
  }
  bool clean() const { return diagnostics_.empty(); }
  const std::string &file() const { return file_; }
  const std::vector<Diagnostic> &diagnostics() const { return diagnostics_; }

private:
  std::string file_;
  std::vector<Diagnostic> diagnostics_;
};

/// The document in `text`; broken YAML, repeated keys and anchors that do not exist are reported.
Node parseYaml(const std::string &text, Report &report);

/// The document in the file the report is about.
Node readYaml(Report &report);

} // namespace of::config
