// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/runtime/broker_sampler.h"

#include <algorithm>
#include <sys/statvfs.h>
#include <utility>

namespace millrace::broker {

BrokerSampler::BrokerSampler(const SampledParts& parts, std::chrono::milliseconds patience)
        : parts_(parts), patience_(patience) {}

void BrokerSampler::set_state(NodeState state) noexcept {
    state_.store(state);
}

void BrokerSampler::set_recovery(std::chrono::nanoseconds took) noexcept {
    recovery_.store(took);
}

BrokerSample BrokerSampler::sample(SampleDetail detail) {
    BrokerSample sample;
    sample.state = state_.load();
    add_process(sample);
    if (sample.state == NodeState::starting) return sample;
    std::unique_lock lock(mutex_);
    ask(detail);
    all_answered_.wait_for(lock, patience_, [this] {
        return std::none_of(questions_.begin(), questions_.end(), [](const auto& question) {
            return question->pending;
        });
    });
    for (std::uint32_t shard = 0; shard < questions_.size(); ++shard) {
        sample.shards.push_back(questions_[shard]->answer);
        if (questions_[shard]->pending) sample.silent.push_back(shard);
    }
    return sample;
}

// A shard that has not answered the question before gets no other.
void BrokerSampler::ask(SampleDetail detail) {
    for (auto index = questions_.size(); index < parts_.group.shard_count(); ++index) {
        auto& question = questions_.emplace_back(std::make_unique<Question>());
        question->sampler = this;
        question->shard = &parts_.group.shard(static_cast<std::uint32_t>(index));
        question->answer.shard = static_cast<std::uint32_t>(index);
    }
    for (auto& question : questions_) {
        if (std::exchange(question->pending, true)) continue;
        question->detail = detail;
        question->run = &BrokerSampler::begin;
        question->shard->post(*question);
    }
}

void BrokerSampler::begin(engine::PostedTask& task) noexcept {
    auto& question = static_cast<Question&>(task);
    question.taken = {};
    question.walk = question.shard->sample(question.detail, question.taken);
    go_on(task);
}

void BrokerSampler::go_on(engine::PostedTask& task) noexcept {
    auto& question = static_cast<Question&>(task);
    if (question.walk == nullptr || question.walk->step(question.taken)) return answer(question);
    question.run = &BrokerSampler::go_on;
    question.shard->post(question);
}

void BrokerSampler::answer(Question& question) noexcept {
    question.walk.reset();
    auto& sampler = *question.sampler;
    const std::scoped_lock lock(sampler.mutex_);
    question.answer = std::move(question.taken);
    question.pending = false;
    sampler.all_answered_.notify_all();
}

void BrokerSampler::add_process(BrokerSample& sample) const {
    sample.io = parts_.root.io_name();
    sample.data_directory = parts_.root.directory();
    sample.start_time = parts_.start_time;
    sample.recovery_seconds = std::chrono::duration<double>(recovery_.load()).count();

    struct statvfs disk {};

    if (statvfs(sample.data_directory.c_str(), &disk) == 0) {
        sample.disk_free_bytes = std::uint64_t{disk.f_bavail} * disk.f_frsize;
        sample.disk_size_bytes = std::uint64_t{disk.f_blocks} * disk.f_frsize;
    }
    for (const auto& listener : parts_.listeners)
        sample.listeners.push_back({listener->name(), listener->turned_away()});
    sample.pools = {{"arena", parts_.arena.bytes_in_use(), parts_.arena.bytes_max()},
                    {"receive", parts_.receive.used(), parts_.receive.limit()},
                    {"handshake", parts_.handshake.used(), parts_.handshake.limit()},
                    {"response", parts_.responses.used(), parts_.responses.limit()}};
}

}  // namespace millrace::broker
