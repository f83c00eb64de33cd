// Checks a tree against a table of keys and fills in defaults.
#include "lib/Config/Schema.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace of::config {

// ---- Building a table
// ----------------------------------------------------------------------------------------------

static Key makeKey(Type type, std::string name, std::string doc, std::vector<Key> keys = {}) {
  Key key;
  key.type = type;
  key.name = std::move(name);
  key.doc = std::move(doc);
  key.keys = std::move(keys);
  return key;
}

Key boolean(std::string name, std::string doc) { return makeKey(Type::Boolean, name, doc); }
Key integer(std::string name, std::string doc) { return makeKey(Type::Integer, name, doc); }
Key number(std::string name, std::string doc) { return makeKey(Type::Number, name, doc); }
Key text(std::string name, std::string doc) { return makeKey(Type::Text, name, doc); }
Key bytes(std::string name, std::string doc) { return makeKey(Type::Bytes, name, doc).atLeast(0); }
Key list(std::string name, std::string doc, Key element) {
  return makeKey(Type::List, name, doc, {std::move(element)});
}
Key table(std::string name, std::string doc, Key element) {
  return makeKey(Type::Table, name, doc, {std::move(element)});
}
Key object(std::string name, std::string doc, std::vector<Key> keys) {
  return makeKey(Type::Object, name, doc, std::move(keys));
}
Key oneOfKeys(std::string name, std::string doc, std::vector<Key> keys) {
  return makeKey(Type::OneOf, name, doc, std::move(keys));
}

// ---- Words
// ---------------------------------------------------------------------------------------------------------

static size_t editDistance(const std::string &a, const std::string &b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j)
    row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  return row[b.size()];
}

std::string nearest(const std::string &word, const std::vector<std::string> &known) {
  std::string best;
  size_t bestDistance = std::max<size_t>(word.size() / 2, 1) + 1;
  for (const std::string &candidate : known) {
    if (word.size() >= candidate.size() + bestDistance) // no fewer edits than that
      continue;
    if (size_t distance = editDistance(word, candidate); distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

std::string listOf(const std::vector<std::string> &words) {
  std::string out;
  for (size_t i = 0; i < words.size(); ++i)
    out += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + words[i];
  return out;
}

static std::vector<std::string> namesOf(const std::vector<Key> &keys) {
  std::vector<std::string> names;
  for (const Key &key : keys)
    names.push_back(key.name);
  return names;
}

// ---- Scalars
// -------------------------------------------------------------------------------------------------------

static std::optional<int64_t> parseInteger(const std::string &s) {
  char *end = nullptr;
  errno = 0;
  long long value = std::strtoll(s.c_str(), &end, 10);
  if (s.empty() || std::isspace(static_cast<unsigned char>(s[0])) || *end || errno)
    return std::nullopt;
  return value;
}

static std::optional<double> parseNumber(const std::string &s) {
  if (s.empty() || s.find_first_not_of("+-.0123456789eE") != std::string::npos)
    return std::nullopt;
  char *end = nullptr;
  double value = std::strtod(s.c_str(), &end);
  if (*end || !std::isfinite(value))
    return std::nullopt;
  return value;
}

static std::optional<int64_t> parseBytes(const std::string &s) {
  static const std::pair<const char *, double> units[] = {{"", 1},
                                                          {"B", 1},
                                                          {"kB", 1e3},
                                                          {"MB", 1e6},
                                                          {"GB", 1e9},
                                                          {"TB", 1e12},
                                                          {"KiB", 1024},
                                                          {"MiB", 1024 * 1024.},
                                                          {"GiB", 1024. * 1024 * 1024},
                                                          {"TiB", 1024. * 1024 * 1024 * 1024}};
  size_t digits = s.find_first_not_of("0123456789.");
  std::string head = s.substr(0, digits),
              unit = digits == std::string::npos ? "" : s.substr(digits);
  unit.erase(0, unit.find_first_not_of(' ') == std::string::npos ? 0 : unit.find_first_not_of(' '));
  std::optional<double> value = parseNumber(head);
  for (auto [name, factor] : units)
    if (value && unit == name && *value * factor < 0x1p63)
      return static_cast<int64_t>(*value * factor);
  return std::nullopt;
}

static std::string wordFor(Type type) {
  switch (type) {
  case Type::Boolean:
    return "true or false";
  case Type::Integer:
    return "an integer";
  case Type::Number:
    return "a number";
  case Type::Text:
    return "text";
  case Type::Bytes:
    return "a size such as 512 MiB or 4 GB";
  case Type::List:
    return "a list";
  case Type::Table:
  case Type::Object:
  case Type::OneOf:
    return "a map of keys";
  }
  return "";
}

static std::string describe(const Node &node) {
  switch (node.kind) {
  case Node::Kind::Null:
    return "nothing";
  case Node::Kind::Scalar:
    return (node.quoted ? "the text \"" : "'") + node.text + (node.quoted ? "\"" : "'");
  case Node::Kind::List:
    return "a list";
  case Node::Kind::Map:
    return "a map";
  }
  return "";
}

static std::string shortNumber(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.12g", value);
  return buffer;
}

static void checkRange(double value, const Node &node, const Key &key, Report &report) {
  if (value < key.least || (key.leastExcluded && value == key.least))
    report.add(node.at, "'" + key.name + "' is " + node.text + "; it must be " +
                            (key.leastExcluded ? "above " : "at least ") + shortNumber(key.least));
  else if (value > key.most)
    report.add(node.at, "'" + key.name + "' is " + node.text + "; it must be at most " +
                            shortNumber(key.most));
}

static void wrongType(const Node &node, const Key &key, Report &report) {
  report.add(node.at,
             "'" + key.name + "' must be " + wordFor(key.type) + ", not " + describe(node));
}

static void checkScalar(const Node &node, const Key &key, Report &report) {
  std::optional<double> value;
  bool typed = node.kind == Node::Kind::Scalar;
  if (key.type == Type::Integer) {
    if (auto i = parseInteger(node.text))
      value = static_cast<double>(*i);
    typed = typed && value && !node.quoted;
  } else if (key.type == Type::Number) {
    value = parseNumber(node.text);
    typed = typed && value && !node.quoted;
  } else if (key.type == Type::Bytes) {
    if (auto i = parseBytes(node.text))
      value = static_cast<double>(*i);
    typed = typed && value;
  } else if (key.type == Type::Boolean) {
    typed = typed && !node.quoted && (node.text == "true" || node.text == "false");
  }
  if (!typed)
    return wrongType(node, key, report);
  if (value)
    checkRange(*value, node, key, report);
  if (!key.choices.empty() &&
      std::find(key.choices.begin(), key.choices.end(), node.text) == key.choices.end()) {
    std::string near = nearest(node.text, key.choices);
    report.add(node.at, "'" + key.name + "' is '" + node.text + "'; it must be " +
                            listOf(key.choices) +
                            (near.empty() ? "" : ". Did you mean '" + near + "'?"));
  }
}

// ---- Objects
// -------------------------------------------------------------------------------------------------------

static void reportUnknown(const Node &item, const Key &key, Report &report) {
  std::vector<std::string> known = namesOf(key.keys);
  std::string near = nearest(item.key, known);
  std::string where = key.name.empty() ? "" : " in '" + key.name + "'";
  report.add(item.keyAt, "unknown key '" + item.key + "'" + where +
                             (near.empty() ? "." : "; did you mean '" + near + "'?") +
                             " Known keys: " + listOf(known));
}

static Node defaultOf(const Key &key, Report &report) {
  Report own("default of '" + key.name + "'");
  Node node = parseYaml(*key.fallback, own);
  // A default is ours, not the user's: it has no place in the file.
  std::vector<Node *> pending{&node};
  while (!pending.empty()) {
    Node *next = pending.back();
    pending.pop_back();
    next->at = next->keyAt = {};
    for (Node &item : next->items)
      pending.push_back(&item);
  }
  node.key = key.name;
  Node done = complete(node, key, own);
  for (const Diagnostic &d : own.diagnostics())
    report.add({}, d.text());
  done.key = key.name;
  return done;
}

static Node completeObject(const Node &node, const Key &key, Report &report) {
  Node out = node;
  out.items.clear();
  out.kind = Node::Kind::Map;
  for (const Node &item : node.items) {
    auto known = std::find_if(key.keys.begin(), key.keys.end(),
                              [&](const Key &k) { return k.name == item.key; });
    if (known == key.keys.end()) {
      reportUnknown(item, key, report);
      continue;
    }
    out.items.push_back(complete(item, *known, report));
  }
  if (key.type == Type::OneOf) {
    if (node.items.size() != 1)
      report.add(node.at, "'" + key.name + "' needs exactly one of the keys " +
                              listOf(namesOf(key.keys)) + ", not " +
                              std::to_string(node.items.size()));
    return out;
  }
  for (const Key &child : key.keys) {
    if (node.find(child.name))
      continue;
    if (child.fallback)
      out.items.push_back(defaultOf(child, report));
    else if (child.isRequired)
      report.add(node.at, "key '" + child.name + "' is missing" +
                              (key.name.empty() ? "" : " in '" + key.name + "'") + ": " +
                              child.doc);
  }
  return out;
}

static Node completeItems(const Node &node, const Key &key, Report &report) {
  Node out = node;
  out.items.clear();
  for (const Node &item : node.items) {
    Key element = key.keys[0];
    if (element.name.empty())
      element.name = key.type == Type::Table ? item.key : key.name;
    out.items.push_back(complete(item, element, report));
  }
  return out;
}

Node complete(const Node &node, const Key &schema, Report &report) {
  bool isMap = node.kind == Node::Kind::Map, isNull = node.kind == Node::Kind::Null;
  switch (schema.type) {
  case Type::List:
    if (node.kind == Node::Kind::List)
      return completeItems(node, schema, report);
    break;
  case Type::Table:
    if (isMap)
      return completeItems(node, schema, report);
    break;
  case Type::Object:
    if (isMap || isNull) // `constant:` with nothing behind it is an object of defaults
      return completeObject(node, schema, report);
    break;
  case Type::OneOf:
    if (isMap)
      return completeObject(node, schema, report);
    break;
  default:
    checkScalar(node, schema, report);
    return node;
  }
  wrongType(node, schema, report);
  return node;
}

// ---- Reading
// -------------------------------------------------------------------------------------------------------

[[noreturn]] static void broken(std::string_view key) {
  std::fprintf(stderr, "configuration: key '%.*s' was read without being checked\n",
               static_cast<int>(key.size()), key.data());
  std::abort();
}

const Node &get(const Node &node, std::string_view key) {
  if (const Node *child = node.find(key))
    return *child;
  broken(key);
}

bool booleanOf(const Node &node) { return node.text == "true"; }

int64_t integerOf(const Node &node) {
  if (auto value = parseInteger(node.text))
    return *value;
  broken(node.key);
}

double numberOf(const Node &node) {
  if (auto value = parseNumber(node.text))
    return *value;
  broken(node.key);
}

int64_t bytesOf(const Node &node) {
  if (auto value = parseBytes(node.text))
    return *value;
  broken(node.key);
}

template <typename T, typename F> static std::vector<T> mapItems(const Node &node, F read) {
  std::vector<T> out;
  for (const Node &item : node.items)
    out.push_back(read(item));
  return out;
}

std::vector<int64_t> integersOf(const Node &node) { return mapItems<int64_t>(node, integerOf); }
std::vector<double> numbersOf(const Node &node) { return mapItems<double>(node, numberOf); }
std::vector<std::string> textsOf(const Node &node) {
  return mapItems<std::string>(node, [](const Node &item) { return item.text; });
}

} // namespace of::config
