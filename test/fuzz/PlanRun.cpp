#include "test/fuzz/PlanRun.h"

#include "runtime/node/Node.h"
#include "runtime/schema/PlanFile.h"
#include "runtime/schema/Verify.h"
#include "test/fuzz/InputFile.h"
#include "test/node/SlowWire.h"
#include "test/support/TempDir.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace of::fuzz {

namespace {

constexpr std::chrono::milliseconds kPatience(1500);
constexpr unsigned kSeed = 1;

Result<rt::PlanFile> load(const std::vector<uint8_t> &buffer) {
  static InputFile file;
  const std::vector<uint8_t> sealed = rt::sealPlan(buffer.data(), buffer.size());
  file.assign({reinterpret_cast<const char *>(sealed.data()), sealed.size()});
  OF_ASSIGN(rt::PlanFile plan, rt::PlanFile::open(file.path()));
  OF_TRY(rt::verifyPlan(plan.plan()));
  return plan;
}

class Nodes {
public:
  Nodes(const plan::Plan &plan, const std::string &data)
      : plan_(plan), data_(data), wire_(plan.nodes()->size(), kSeed) {}

  Status build() {
    std::vector<rt::ChunkCard> cards;
    for (uint32_t n = 0; n < plan_.nodes()->size(); ++n) {
      rt::NodeOptions options;
      options.node = n;
      options.dataDir = options.planDir = data_;
      options.outDir = out_.path();
      options.stopAfterSteps = 3;
      OF_ASSIGN(std::unique_ptr<rt::Node> node, rt::Node::create(plan_, options));
      cards.push_back(node->card());
      nodes_.push_back(std::move(node));
    }
    lines_.resize(nodes_.size());
    for (uint32_t n = 0; n < nodes_.size(); ++n)
      OF_TRY(nodes_[n]->connect(cards, nodes_.size() > 1 ? &wire_.node(n) : nullptr,
                                [this, n](const std::string &mine) { return gather(n, mine); }));
    return Status::ok();
  }

  PlanRun run() {
    std::vector<Status> ends(nodes_.size());
    std::vector<std::thread> threads;
    std::atomic<size_t> running(nodes_.size());
    for (size_t n = 0; n < nodes_.size(); ++n)
      threads.emplace_back([&, n] {
        ends[n] = nodes_[n]->run([this](const Status &) { stop(); });
        if (!ends[n].isOk())
          stop();
        --running;
      });
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    bool late = false;
    while (running > 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      if (!late && std::chrono::steady_clock::now() > deadline) {
        late = true;
        stop();
      }
    }
    for (std::thread &thread : threads)
      thread.join();
    for (const Status &status : ends)
      if (!status.isOk())
        return {PlanEnd::Failed, status.message()};
    return {late ? PlanEnd::TimeIsUp : PlanEnd::Ran, ""};
  }

private:
  /// The lines of all nodes, once all have come.
  Result<std::vector<std::string>> gather(uint32_t node, const std::string &mine) {
    std::unique_lock<std::mutex> lock(mutex_);
    lines_[node] = mine;
    const uint64_t round = rounds_;
    if (++came_ == lines_.size()) {
      gathered_ = lines_;
      came_ = 0;
      ++rounds_;
      changed_.notify_all();
    }
    changed_.wait(lock, [&] { return rounds_ != round || stopped_; });
    if (rounds_ == round)
      return Status(Code::PeerLost, "the run was stopped");
    return gathered_;
  }

  void stop() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_all();
    for (const auto &node : nodes_)
      node->stop();
  }

  const plan::Plan &plan_;
  const std::string data_;
  const test::TempDir out_;
  rt::test::SlowWire wire_;
  std::vector<std::unique_ptr<rt::Node>> nodes_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_, gathered_; ///< by node
  size_t came_ = 0;
  uint64_t rounds_ = 0;
  bool stopped_ = false;
};

} // namespace

PlanRun checkPlan(const std::vector<uint8_t> &buffer) {
  const auto plan = load(buffer);
  return plan ? PlanRun{PlanEnd::Ran, ""} : PlanRun{PlanEnd::Refused, plan.status().message()};
}

PlanRun runPlan(const std::vector<uint8_t> &buffer, const std::string &data) {
  const auto plan = load(buffer);
  if (!plan)
    return {PlanEnd::Refused, plan.status().message()};
  Nodes nodes(plan->plan(), data);
  if (const Status status = nodes.build(); !status.isOk())
    return {PlanEnd::NotBuilt, status.message()};
  return nodes.run();
}

} // namespace of::fuzz
