// What editors and readers get from the table of keys: a JSON schema and a reference page.
#include "lib/Config/Schema.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace of::config {

using Json = nlohmann::ordered_json;

static Json jsonOf(const Key &key);

static Json jsonDefault(const Key &key) {
  switch (key.type) {
  case Type::Boolean:
    return *key.fallback == "true";
  case Type::Integer:
    return std::stoll(*key.fallback);
  case Type::Number:
    return std::stod(*key.fallback);
  default:
    return *key.fallback;
  }
}

static void addObject(Json &out, const Key &key) {
  out["type"] = "object";
  out["additionalProperties"] = false;
  out["properties"] = Json::object();
  Json required = Json::array();
  for (const Key &child : key.keys) {
    out["properties"][child.name] = jsonOf(child);
    if (child.isRequired)
      required.push_back(child.name);
  }
  if (key.type == Type::OneOf)
    out["minProperties"] = out["maxProperties"] = 1;
  else if (!required.empty())
    out["required"] = required;
}

static void addType(Json &out, const Key &key) {
  switch (key.type) {
  case Type::Boolean:
    out["type"] = "boolean";
    break;
  case Type::Integer:
    out["type"] = "integer";
    break;
  case Type::Number:
    out["type"] = "number";
    break;
  case Type::Text:
    out["type"] = "string";
    break;
  case Type::Bytes:
    out["type"] = {"integer", "string"};
    out["pattern"] = "^[0-9.]+ *(|B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)$";
    break;
  case Type::List:
    out["type"] = "array";
    out["items"] = jsonOf(key.keys[0]);
    break;
  case Type::Table:
    out["type"] = "object";
    out["additionalProperties"] = jsonOf(key.keys[0]);
    break;
  case Type::Object:
  case Type::OneOf:
    addObject(out, key);
    break;
  }
}

static Json jsonOf(const Key &key) {
  Json out;
  if (!key.doc.empty())
    out["description"] = key.doc;
  addType(out, key);
  if (!key.choices.empty())
    out["enum"] = key.choices;
  if (std::isfinite(key.least))
    out[key.leastExcluded ? "exclusiveMinimum" : "minimum"] = key.least;
  if (std::isfinite(key.most))
    out["maximum"] = key.most;
  bool isScalar = key.type != Type::List && key.type != Type::Table && key.type != Type::Object &&
                  key.type != Type::OneOf;
  if (key.fallback && isScalar)
    out["default"] = jsonDefault(key);
  return out;
}

std::string jsonSchema(const Key &schema, const std::string &title) {
  Json out;
  out["$schema"] = "https://json-schema.org/draft/2020-12/schema";
  out["title"] = title;
  out.update(jsonOf(schema));
  return out.dump(2) + "\n";
}

// ---- Markdown
// ------------------------------------------------------------------------------------------------------

static std::string typeWord(const Key &key) {
  switch (key.type) {
  case Type::Boolean:
    return "true, false";
  case Type::Integer:
    return "integer";
  case Type::Number:
    return "number";
  case Type::Text:
    return key.choices.empty() ? "text" : listOf(key.choices);
  case Type::Bytes:
    return "size";
  case Type::List:
    return "list";
  case Type::Table:
    return "name: value";
  case Type::Object:
    return "keys below";
  case Type::OneOf:
    return "one of the keys below";
  }
  return "";
}

static void addRows(std::string &out, const Key &key, const std::string &path) {
  for (const Key &child : key.keys) {
    bool isElement = key.type == Type::List || key.type == Type::Table;
    std::string name = path;
    if (isElement)
      name += key.type == Type::List ? "[]" : ".*";
    else
      name += (path.empty() ? "" : ".") + child.name;
    std::string otherwise = child.isRequired ? "required"
                            : child.fallback ? "`" + *child.fallback + "`"
                                             : "";
    bool isPlainElement = isElement && child.keys.empty();
    if (!isPlainElement)
      out +=
          "| `" + name + "` | " + typeWord(child) + " | " + otherwise + " | " + child.doc + " |\n";
    addRows(out, child, name);
  }
}

std::string markdownReference(const Key &schema, const std::string &title) {
  std::string out = "# " + title + "\n\n" + schema.doc +
                    "\n\n| key | value | default | meaning |\n| --- | --- | --- | --- |\n";
  addRows(out, schema, "");
  return out;
}

} // namespace of::config
