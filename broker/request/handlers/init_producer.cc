// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/request/handlers/init_producer.h"

#include "broker/base/timer.h"
#include "broker/cluster/producer_ids.h"
#include "broker/protocol/request_checks.h"
#include "broker/request/call.h"
#include "broker/request/catalog_call.h"
#include "broker/request/request_context.h"
#include "broker/request/verified_call.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace millrace::broker {
namespace {

using wire::ErrorCode;

constexpr std::uint32_t kTimeoutMsMax = 10 * 60 * 1000;
// Epochs are the producer's to raise.
constexpr std::int16_t kFirstEpoch = 0;

// A request on its way to shard 0 and back. Deletes itself when it is done; its answer may be given
// earlier, by its deadline. Thread: its connection's shard, but for the way there and back.
class InitProducer {
public:
    static void start(const Call& call, std::uint32_t timeout_ms) {
        auto owned = std::make_unique<InitProducer>(call);
        auto& self = *owned;
        self.self_ = std::move(owned);
        self.context_.call_began();  // It holds up a stop, answered or not.
        const auto timeout = std::chrono::milliseconds(std::min(timeout_ms, kTimeoutMsMax));
        self.context_.timers().arm(self.timer_, self.context_.now() + timeout);
        self.context_.cluster().post.post(0, self.message_);
    }

    explicit InitProducer(const Call& call) : call_(call), context_(call.context()) {
        message_.owner = this;
        message_.run = &InitProducer::arrive;
        request_.owner = this;
        request_.done = &InitProducer::given;
        timer_.owner = this;
        timer_.fired = [](Timer& timer) noexcept {
            static_cast<InitProducer*>(timer.owner)->deadline_passed();
        };
    }

private:
    struct Message : engine::PostedTask {
        InitProducer* owner = nullptr;
    };

    static void arrive(engine::PostedTask& task) noexcept {
        auto& self = *static_cast<Message&>(task).owner;
        self.context_.cluster().catalog->give_producer_id(self.request_);
    }

    static void given(ProducerIdRequest& request) noexcept {
        auto& self = *static_cast<InitProducer*>(request.owner);
        self.message_.run = &InitProducer::come_back;
        self.context_.cluster().post.post(self.context_.shard(), self.message_);
    }

    static void come_back(engine::PostedTask& task) noexcept {
        auto& self = *static_cast<Message&>(task).owner;
        const auto owned = std::move(self.self_);
        self.context_.timers().disarm(self.timer_);
        if (!self.answered_) {
            self.respond();
            self.call_.finish();
        }
        self.context_.call_ended();
    }

    void deadline_passed() noexcept {
        answered_ = true;
        call_.send_error(ErrorCode::timed_out, {});
        call_.finish();
    }

    void respond() noexcept {
        if (request_.problem != CatalogProblem::none) {
            return call_.send_error(to_wire(request_.problem), request_.message);
        }
        if (call_.peer() == nullptr) return;
        auto& writer = context_.writer();
        auto& builder = writer.begin();
        wire::InitProducerResponseBuilder response(builder);
        response.add_producer_id(request_.producer_id);
        response.add_producer_epoch(kFirstEpoch);
        const auto root = response.Finish();
        call_.send_table(writer.finish(root));
    }

    std::unique_ptr<InitProducer> self_;  // Until it is done.
    Call call_;
    RequestContext& context_;
    Message message_;
    ProducerIdRequest request_;  // Shard 0's until it comes back.
    Timer timer_;
    bool answered_ = false;
};

}  // namespace

void handle_init_producer(RequestContext& context,
                          ClientConnection& connection,
                          IncomingFrame&& frame) noexcept {
    Call call;
    const auto request =
            begin_verified<wire::InitProducerRequest>(call, context, connection, frame);
    if (!request) return;
    InitProducer::start(call, (*request)->timeout_ms());
}

}  // namespace millrace::broker
