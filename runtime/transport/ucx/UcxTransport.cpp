#include "runtime/transport/ucx/UcxTransport.h"

#include <ucp/api/ucp.h>

#include <chrono>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <mutex>

namespace of::rt {

namespace {

constexpr int kProgramBits = 6, kExchangeBits = 17, kDeviceBits = 14, kSequenceBits = 12;
static_assert(1 + kProgramBits + kExchangeBits + 2 * kDeviceBits + kSequenceBits == 64,
              "a tag has 64 bits");
constexpr ucp_tag_t kPushBit = ucp_tag_t(1) << 63;
constexpr size_t kPostedMessages = 256;
constexpr int kProgressPerPoll = 8;

ucp_tag_t tagOf(const EdgeKey &edge, uint64_t sequence) {
  ucp_tag_t tag = edge.program;
  tag = (tag << kExchangeBits) | edge.exchange;
  tag = (tag << kDeviceBits) | edge.srcDevice;
  tag = (tag << kDeviceBits) | edge.dstDevice;
  tag = (tag << kSequenceBits) | (sequence & ((uint64_t(1) << kSequenceBits) - 1));
  return tag | kPushBit;
}

Status ucxError(const std::string &what, ucs_status_t status) {
  return Status(Code::Io, "UCX cannot " + what + ": " + ucs_status_string(status));
}

std::string toHex(const void *data, size_t bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (size_t i = 0; i < bytes; ++i) {
    const uint8_t byte = static_cast<const uint8_t *>(data)[i];
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

std::vector<uint8_t> fromHex(const std::string &text) {
  auto value = [](char c) { return static_cast<uint8_t>(c <= '9' ? c - '0' : c - 'a' + 10); };
  std::vector<uint8_t> out;
  for (size_t i = 0; i + 1 < text.size(); i += 2)
    out.push_back(static_cast<uint8_t>(value(text[i]) << 4 | value(text[i + 1])));
  return out;
}

/// A push goes into a buffer that is posted already, so asking first gains nothing over TCP, where
/// the answer costs more than a copy up to this size. What the user has set holds.
ucs_status_t preferEager(ucp_config_t *config) {
  if (hasRdma() || std::getenv("UCX_RNDV_THRESH"))
    return UCS_OK;
  return ucp_config_modify(config, "RNDV_THRESH", "512K");
}

class Ucx;

/// Something under way; handed to UCX as the callback's argument.
struct Operation {
  enum class Kind { SendMessage, ReceiveMessage, Push, Post };
  Ucx *owner = nullptr;
  Kind kind = Kind::Push;
  NodeId node = 0;
  uint64_t token = 0;
  size_t bytes = 0;
  Message message;
  bool pending = false;    ///< a receive whose callback has not come
  void *request = nullptr; ///< of a pending receive
};

class Ucx final : public UcxTransport {
public:
  Ucx(NodeId self, uint32_t nodes) : self_(self), endpoints_(nodes, nullptr) {}

  ~Ucx() override {
    std::lock_guard<std::mutex> lock(mutex_);
    if (worker_) {
      for (Operation &op : all_)
        if (op.pending)
          ucp_request_cancel(worker_, op.request);
      closeEndpoints();
      ucp_worker_destroy(worker_);
    }
    if (context_)
      ucp_cleanup(context_);
  }

  Status start() {
    ucp_config_t *config = nullptr;
    if (const ucs_status_t s = ucp_config_read(nullptr, nullptr, &config); s != UCS_OK)
      return ucxError("read its configuration", s);
    if (const ucs_status_t s = preferEager(config); s != UCS_OK) {
      ucp_config_release(config);
      return ucxError("set its rendezvous threshold", s);
    }
    ucp_params_t params{};
    params.field_mask = UCP_PARAM_FIELD_FEATURES | UCP_PARAM_FIELD_ESTIMATED_NUM_EPS;
    params.features = UCP_FEATURE_TAG;
    params.estimated_num_eps = endpoints_.size();
    const ucs_status_t s = ucp_init(&params, config, &context_);
    ucp_config_release(config);
    if (s != UCS_OK)
      return ucxError("start", s);
    ucp_worker_params_t workerParams{};
    workerParams.field_mask = UCP_WORKER_PARAM_FIELD_THREAD_MODE;
    workerParams.thread_mode = UCS_THREAD_MODE_SERIALIZED;
    if (const ucs_status_t w = ucp_worker_create(context_, &workerParams, &worker_); w != UCS_OK)
      return ucxError("create a worker", w);
    ucp_address_t *address = nullptr;
    size_t length = 0;
    if (const ucs_status_t a = ucp_worker_get_address(worker_, &address, &length); a != UCS_OK)
      return ucxError("tell its address", a);
    address_ = toHex(address, length);
    ucp_worker_release_address(worker_, address);
    for (size_t i = 0; i < kPostedMessages; ++i)
      OF_TRY(postMessage(take(Operation::Kind::ReceiveMessage, 0, 0)));
    return Status::ok();
  }

  std::string address() const override { return address_; }

  Status connect(const std::vector<std::string> &addresses) override {
    std::lock_guard<std::mutex> lock(mutex_);
    for (uint32_t n = 0; n < endpoints_.size() && n < addresses.size(); ++n) {
      if (n == self_)
        continue;
      const std::vector<uint8_t> bytes = fromHex(addresses[n]);
      ucp_ep_params_t params{};
      params.field_mask = UCP_EP_PARAM_FIELD_REMOTE_ADDRESS;
      params.address = reinterpret_cast<const ucp_address_t *>(bytes.data());
      if (const ucs_status_t s = ucp_ep_create(worker_, &params, &endpoints_[n]); s != UCS_OK)
        return ucxError("connect to node " + std::to_string(n), s);
    }
    return Status::ok();
  }

  void abandon() override {
    std::lock_guard<std::mutex> lock(mutex_);
    abandoned_ = true;
  }

  NodeId self() const override { return self_; }
  const char *describe() const override { return "UCX"; }

  Status send(NodeId node, const Message &message) override {
    std::lock_guard<std::mutex> lock(mutex_);
    Operation *op = take(Operation::Kind::SendMessage, node, 0);
    op->message = message;
    return tagSend(op, &op->message, sizeof op->message, self_);
  }

  Status push(NodeId node, const EdgeKey &edge, uint64_t sequence, const void *data, size_t bytes,
              uint64_t token) override {
    std::lock_guard<std::mutex> lock(mutex_);
    return tagSend(take(Operation::Kind::Push, node, token), data, bytes, tagOf(edge, sequence));
  }

  Status post(NodeId node, const EdgeKey &edge, uint64_t sequence, void *data, size_t bytes,
              uint64_t token) override {
    std::lock_guard<std::mutex> lock(mutex_);
    Operation *op = take(Operation::Kind::Post, node, token);
    op->bytes = bytes;
    return tagReceive(op, data, bytes, tagOf(edge, sequence), ~ucp_tag_t(0));
  }

  Status poll(std::vector<Event> &events) override {
    std::lock_guard<std::mutex> lock(mutex_);
    // What has come is handed on at once: over TCP every look is a system call.
    for (int i = 0; i < kProgressPerPoll && ready_.empty() && ucp_worker_progress(worker_) != 0;
         ++i) {
    }
    events.insert(events.end(), ready_.begin(), ready_.end());
    ready_.clear();
    while (!toPost_.empty() && error_.isOk()) {
      Operation *op = toPost_.back();
      toPost_.pop_back();
      error_ = postMessage(op);
    }
    return error_;
  }

private:
  Operation *take(Operation::Kind kind, NodeId node, uint64_t token) {
    if (free_.empty()) {
      all_.emplace_back();
      free_.push_back(&all_.back());
    }
    Operation *op = free_.back();
    free_.pop_back();
    op->owner = this;
    op->kind = kind;
    op->node = node;
    op->token = token;
    return op;
  }

  // Immediate completion is denied, so that every operation ends in its callback, maybe before the
  // call returns.
  ucp_request_param_t paramsFor(Operation *op) const {
    ucp_request_param_t params{};
    params.op_attr_mask =
        UCP_OP_ATTR_FIELD_CALLBACK | UCP_OP_ATTR_FIELD_USER_DATA | UCP_OP_ATTR_FLAG_NO_IMM_CMPL;
    params.user_data = op;
    return params;
  }

  Status tagSend(Operation *op, const void *data, size_t bytes, ucp_tag_t tag) {
    ucp_request_param_t params = paramsFor(op);
    params.cb.send = &Ucx::sent;
    const ucs_status_ptr_t request =
        ucp_tag_send_nbx(endpoints_[op->node], data, bytes, tag, &params);
    if (UCS_PTR_IS_ERR(request))
      return ucxError("send to node " + std::to_string(op->node), UCS_PTR_STATUS(request));
    return Status::ok();
  }

  Status tagReceive(Operation *op, void *data, size_t bytes, ucp_tag_t tag, ucp_tag_t mask) {
    ucp_request_param_t params = paramsFor(op);
    params.cb.recv = &Ucx::received;
    op->pending = true;
    const ucs_status_ptr_t request = ucp_tag_recv_nbx(worker_, data, bytes, tag, mask, &params);
    if (UCS_PTR_IS_ERR(request))
      return ucxError("post a receive", UCS_PTR_STATUS(request));
    op->request = request;
    return Status::ok();
  }

  Status postMessage(Operation *op) {
    return tagReceive(op, &op->message, sizeof op->message, 0, kPushBit);
  }

  static void sent(void *request, ucs_status_t status, void *userData) {
    Operation *op = static_cast<Operation *>(userData);
    ucp_request_free(request);
    Ucx &owner = *op->owner;
    if (status != UCS_OK)
      owner.fail(*op, status);
    else if (op->kind == Operation::Kind::Push)
      owner.complete(*op, Event::Kind::PushDone);
    owner.free_.push_back(op);
  }

  static void received(void *request, ucs_status_t status, const ucp_tag_recv_info_t *info,
                       void *userData) {
    Operation *op = static_cast<Operation *>(userData);
    const size_t length = info->length;
    const ucp_tag_t tag = info->sender_tag;
    ucp_request_free(request);
    op->pending = false;
    Ucx &owner = *op->owner;
    if (status == UCS_ERR_CANCELED)
      return;
    if (status != UCS_OK) {
      owner.fail(*op, status);
    } else if (op->kind == Operation::Kind::Post) {
      if (length != op->bytes)
        owner.error_ = Status(Code::Internal, "node " + std::to_string(op->node) + " pushed " +
                                                  std::to_string(length) + " bytes where " +
                                                  std::to_string(op->bytes) + " were expected");
      owner.complete(*op, Event::Kind::PostDone);
      owner.free_.push_back(op);
    } else {
      Event event;
      event.node = static_cast<NodeId>(tag);
      event.message = op->message;
      owner.ready_.push_back(event);
      owner.toPost_.push_back(op);
    }
  }

  void complete(const Operation &op, Event::Kind kind) {
    Event event;
    event.kind = kind;
    event.node = op.node;
    event.token = op.token;
    ready_.push_back(event);
  }

  void fail(const Operation &op, ucs_status_t status) {
    if (error_.isOk()) // what is behind it, a death, the control tree knows better
      error_ = Status(Code::PeerLost, "the data connection to node " + std::to_string(op.node) +
                                          " broke: " + ucs_status_string(status));
  }

  // Closing says goodbye to a peer, which one that is gone never answers.
  void closeEndpoints() {
    std::vector<void *> requests;
    for (ucp_ep_h endpoint : endpoints_) {
      if (!endpoint)
        continue;
      ucp_request_param_t params{};
      params.op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS;
      params.flags = abandoned_ ? UCP_EP_CLOSE_FLAG_FORCE : 0;
      void *request = ucp_ep_close_nbx(endpoint, &params);
      if (UCS_PTR_IS_PTR(request))
        requests.push_back(request);
    }
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(500);
    for (void *request : requests) {
      while (ucp_request_check_status(request) == UCS_INPROGRESS &&
             std::chrono::steady_clock::now() < deadline)
        ucp_worker_progress(worker_);
      ucp_request_free(request);
    }
  }

  const NodeId self_;
  std::mutex mutex_;
  ucp_context_h context_ = nullptr;
  ucp_worker_h worker_ = nullptr;
  std::vector<ucp_ep_h> endpoints_;
  std::string address_;
  std::deque<Operation> all_;
  std::vector<Operation *> free_, toPost_;
  std::vector<Event> ready_;
  Status error_;
  bool abandoned_ = false;
};

} // namespace

bool hasRdma() {
  const char *folder = "/sys/class/infiniband";
  std::error_code error;
  return std::filesystem::exists(folder, error) && !std::filesystem::is_empty(folder, error);
}

Status checkUcxLimits(uint64_t programs, uint64_t exchanges, uint64_t devices) {
  if (programs <= uint64_t(1) << kProgramBits && exchanges <= uint64_t(1) << kExchangeBits &&
      devices <= uint64_t(1) << kDeviceBits)
    return Status::ok();
  return Status(Code::Refused, "the plan has " + std::to_string(programs) + " programs, " +
                                   std::to_string(exchanges) + " exchanges and " +
                                   std::to_string(devices) +
                                   " devices; UCX tags tell apart 64, 131072 and 16384");
}

Result<std::unique_ptr<UcxTransport>> UcxTransport::create(NodeId self, uint32_t nodes) {
  auto transport = std::make_unique<Ucx>(self, nodes);
  OF_TRY(transport->start());
  return std::unique_ptr<UcxTransport>(std::move(transport));
}

} // namespace of::rt
