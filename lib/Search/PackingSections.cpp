#include "lib/Search/PackingSections.h"

#include <algorithm>
#include <tuple>

namespace of::search {

namespace {

struct Event {
  int64_t time;
  bool start; ///< ends come first: lifetimes are half open
  uint32_t buffer;

  bool operator<(const Event &o) const {
    return std::tie(time, start, buffer) < std::tie(o.time, o.start, o.buffer);
  }
};

std::vector<Event> eventsOf(const PackingProblem &problem) {
  std::vector<Event> events;
  for (uint32_t i = 0; i < problem.buffers.size(); ++i) {
    if (problem.buffers[i].size == 0)
      continue;
    events.push_back({problem.buffers[i].lower, true, i});
    events.push_back({problem.buffers[i].upper, false, i});
  }
  std::sort(events.begin(), events.end());
  return events;
}

void finish(Component &component) {
  std::sort(component.buffers.begin(), component.buffers.end(),
            [](const SectionBuffer &a, const SectionBuffer &b) { return a.index < b.index; });
  uint32_t sections = 0;
  for (const SectionBuffer &b : component.buffers)
    sections = std::max(sections, b.upper);
  component.live.assign(sections, 0);
  for (const SectionBuffer &b : component.buffers) {
    component.aligned &= b.alignment == 1;
    for (uint32_t s = b.lower; s < b.upper; ++s)
      component.live[s] += b.size;
  }
  component.bound = *std::max_element(component.live.begin(), component.live.end());
}

} // namespace

std::vector<Component> splitIntoComponents(const PackingProblem &problem) {
  const int64_t granule = problem.granule();
  std::vector<Component> components;
  std::vector<uint32_t> place(problem.buffers.size());
  uint32_t section = 0, open = 0;
  bool started = false; // a buffer started since the last section was closed
  for (const Event &e : eventsOf(problem)) {
    if (e.start) {
      if (open++ == 0) {
        components.emplace_back();
        section = 0;
      }
      const Buffer &b = problem.buffers[e.buffer];
      place[e.buffer] = uint32_t(components.back().buffers.size());
      components.back().buffers.push_back({e.buffer, section, 0, roundUp(b.size, granule) / granule,
                                           std::max<int64_t>(1, b.alignment / granule)});
      started = true;
      continue;
    }
    section += started;
    started = false;
    components.back().buffers[place[e.buffer]].upper = section;
    --open;
  }
  for (Component &c : components)
    finish(c);
  return components;
}

} // namespace of::search
