#include "tools/of-run/ProfileFile.h"

#include "runtime/checkpoint/Export.h"

#include <fmt/format.h>
#include <fstream>
#include <nlohmann/json.hpp>

namespace of::run {

namespace {

using Json = nlohmann::ordered_json;

/// The slowest of those that are alike in `key`, in the order of their first.
class Slowest {
public:
  explicit Slowest(std::initializer_list<const char *> key) : key_(key) {}
  void add(const Json &list) {
    for (const Json &entry : list) {
      std::string key;
      for (const char *part : key_)
        key += entry.at(part).get<std::string>() + '\n';
      const auto [it, isNew] = index_.try_emplace(key, entries_.size());
      if (isNew)
        entries_.push_back(entry);
      else if (entry.at("seconds") > entries_[it->second].at("seconds"))
        entries_[it->second] = entry;
    }
  }
  std::string text() const {
    std::string out = "[";
    for (size_t i = 0; i < entries_.size(); ++i)
      out += (i ? ",\n  " : "\n  ") + entries_[i].dump();
    return out + "]";
  }

private:
  const std::vector<const char *> key_;
  std::map<std::string, size_t> index_;
  std::vector<Json> entries_;
};

} // namespace

std::string profileLine(const rt::NodeProfile &profile) {
  Json tasks = Json::array(), exchanges = Json::array(), links = Json::array();
  for (const rt::TaskTimes &t : profile.tasks)
    tasks.push_back({{"program", t.program},
                     {"task", t.task},
                     {"flops", t.work.flops},
                     {"bytes", t.work.bytes},
                     {"firings", t.firings},
                     {"seconds", t.seconds}});
  for (const rt::ExchangeTimes &e : profile.exchanges)
    exchanges.push_back({{"program", e.program},
                         {"exchange", e.exchange},
                         {"bytes", e.bytes},
                         {"firings", e.firings},
                         {"seconds", e.seconds}});
  for (const rt::LinkTimes &l : profile.links)
    links.push_back({{"from", l.from},
                     {"to", l.to},
                     {"bytes", l.bytes},
                     {"pushes", l.pushes},
                     {"seconds", l.seconds}});
  return Json{{"tasks", tasks}, {"exchanges", exchanges}, {"links", links}}.dump();
}

Status writeProfile(const std::string &path, const std::string &job,
                    const std::vector<std::string> &lines) {
  Slowest tasks{"program", "task"}, exchanges{"program", "exchange"}, links{"from", "to"};
  for (const std::string &line : lines) {
    const Json node = Json::parse(line, nullptr, false);
    if (node.is_discarded())
      return Status(Code::Internal, "a node's profile is no JSON");
    tasks.add(node.at("tasks"));
    exchanges.add(node.at("exchanges"));
    links.add(node.at("links"));
  }
  return rt::writeAside(path, [&](const std::string &aside) {
    std::ofstream out(aside);
    out << fmt::format("{{\"job\": {},\n\"tasks\": {},\n\"exchanges\": {},\n\"links\": {}}}\n",
                       Json(job).dump(), tasks.text(), exchanges.text(), links.text());
    out.close();
    return out ? Status::ok()
               : Status(Code::Io, "cannot write the profile " + path + "; is the disk full?");
  });
}

} // namespace of::run
