// What keys a configuration file may have, stated once.
//
// One table of `Key`s is the check of the file, its defaults, its JSON schema and its reference
// page. `complete` does the check: it reports every unknown key (with the nearest known one),
// missing key, wrong type, range and choice, and returns the tree with all defaults filled in, so
// that whoever reads it afterwards has nothing left to check but how values relate. Pure values,
// any thread.
#pragma once

#include "lib/Config/Yaml.h"

#include <cstdint>
#include <limits>
#include <map>
#include <optional>

namespace of::config {

enum class Type {
  Boolean,
  Integer,
  Number,
  Text,
  Bytes,  ///< an integer with an optional unit: 512 MiB, 4 GB
  List,   ///< of `element`
  Table,  ///< names of the user's choice -> `element`; keeps their order
  Object, ///< the keys in `keys`
  OneOf   ///< an object with exactly one of the keys in `keys`
};

struct Key {
  std::string name;
  Type type = Type::Text;
  std::string doc; ///< one or two sentences: meaning, unit, default where it is not a constant
  bool isRequired = false;
  std::optional<std::string> fallback; ///< default, in YAML
  std::vector<std::string> choices;    ///< of a text
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
  bool leastExcluded = false;
  std::vector<Key> keys; ///< of an object; of a list or table the one element

  Key &required() { return isRequired = true, *this; }
  Key &otherwise(std::string yaml) { return fallback = std::move(yaml), *this; }
  Key &oneOf(std::vector<std::string> words) { return choices = std::move(words), *this; }
  Key &atLeast(double value) { return least = value, *this; }
  Key &above(double value) { return least = value, leastExcluded = true, *this; }
  Key &atMost(double value) { return most = value, *this; }
};

Key boolean(std::string name, std::string doc);
Key integer(std::string name, std::string doc);
Key number(std::string name, std::string doc);
Key text(std::string name, std::string doc);
Key bytes(std::string name, std::string doc);
Key list(std::string name, std::string doc, Key element);
Key table(std::string name, std::string doc, Key element);
Key object(std::string name, std::string doc, std::vector<Key> keys);
Key oneOfKeys(std::string name, std::string doc, std::vector<Key> keys);

/// The tree with defaults filled in. What is wrong is reported; then the result must not be read.
Node complete(const Node &node, const Key &schema, Report &report);

// ---- Reading a completed tree: the key is there and has the type of its schema
// ------------------------------------------

/// Child that the schema guarantees; absent optional ones are asked for with `Node::find`.
const Node &get(const Node &node, std::string_view key);
bool booleanOf(const Node &node);
int64_t integerOf(const Node &node);
double numberOf(const Node &node);
int64_t bytesOf(const Node &node);
std::vector<int64_t> integersOf(const Node &node);
std::vector<double> numbersOf(const Node &node);
std::vector<std::string> textsOf(const Node &node);

/// The known word nearest to a misspelt one, or "" if none is near.
std::string nearest(const std::string &word, const std::vector<std::string> &known);
/// "a, b or c"
std::string listOf(const std::vector<std::string> &words);

// ---- What is generated from the table
// -------------------------------------------------------------------------------------

/// JSON schema (2020-12) that editors can check the file with.
std::string jsonSchema(const Key &schema, const std::string &title);
/// Reference page in Markdown.
std::string markdownReference(const Key &schema, const std::string &title);

} // namespace of::config
