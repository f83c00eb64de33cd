#include "lib/Train/RunLoop.h"

#include <algorithm>

namespace of {

// How often the `period` items at `at` are repeated there.
static size_t repetitionsAt(const std::vector<RunItem> &items, size_t at, size_t period) {
  size_t count = 1;
  while (at + (count + 1) * period <= items.size() &&
         std::equal(items.begin() + at, items.begin() + at + period,
                    items.begin() + at + count * period))
    ++count;
  return count;
}

std::vector<RunItem> foldRepetitions(std::vector<RunItem> items) {
  std::vector<RunItem> out;
  for (size_t at = 0; at < items.size();) {
    size_t best = 1, bestCount = 1;
    for (size_t period = 1; at + 2 * period <= items.size(); ++period)
      if (size_t count = repetitionsAt(items, at, period);
          count > 1 && count * period > best * bestCount) {
        best = period;
        bestCount = count;
      }
    if (bestCount == 1) {
      out.push_back(items[at++]);
      continue;
    }
    RunItem loop;
    loop.count = bestCount;
    loop.body = foldRepetitions({items.begin() + at, items.begin() + at + best});
    out.push_back(loop);
    at += best * bestCount;
  }
  return out;
}

static int64_t nextMultiple(int64_t step, int64_t every) {
  return every ? (step / every + 1) * every : INT64_MAX;
}

std::vector<RunItem> runSchedule(const Job &job, int64_t evalSteps) {
  int64_t total = job.totalSteps(), epoch = job.epochSteps();
  int64_t evalEvery = job.evaluate ? job.evaluate->everyEpochs * epoch : 0, saveEvery = 0;
  if (job.checkpoint)
    saveEvery = job.checkpoint->everySteps ? job.checkpoint->everySteps
                                           : job.checkpoint->everyEpochs * epoch;
  std::vector<RunItem> items;
  for (int64_t step = 0; step < total;) {
    int64_t next = std::min({total, nextMultiple(step, evalEvery), nextMultiple(step, saveEvery)});
    items.push_back({"train", next - step, {}});
    bool isLast = next == total;
    if (saveEvery && (isLast || next % saveEvery == 0))
      items.push_back({"snapshot", 1, {}});
    if (evalEvery && (isLast || next % evalEvery == 0))
      items.push_back({"eval", evalSteps, {}});
    step = next;
  }
  return foldRepetitions(std::move(items));
}

} // namespace of
