// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/request/scatter.h"

#include "engine/assert.h"

namespace millrace::broker {

void Scatter::clear(RequestContext& home) {
    home_ = &home;
    if (ports_.empty()) {
        ports_ = std::vector<Port>(home.cluster().shards());
        for (auto& port : ports_)
            port.scatter = this;
    }
    for (auto& port : ports_) {
        ASSERT(!port.away);
        port.rows.clear();
    }
}

void Scatter::add(const engine::PartitionKey& key, std::uint32_t row) {
    port_of(key).rows.push_back(row);
}

void Scatter::start() noexcept {
    waiting_ = 1;
    for (std::uint32_t shard = 0; shard < ports_.size(); ++shard) {
        auto& port = ports_[shard];
        if (port.rows.empty()) continue;
        ++waiting_;
        port.away = true;
        if (shard == home_->shard()) {
            port.target = home_;
            run(port);
        } else {
            port.target = &home_->cluster().context(shard);
            port.PostedTask::run = &Scatter::arrive;
            home_->cluster().post.post(shard, port);
        }
    }
    if (--waiting_ == 0) joined();
}

void Scatter::arrive(engine::PostedTask& task) noexcept {
    run(static_cast<Port&>(task));
}

void Scatter::run(Port& port) noexcept {
    port.left = static_cast<std::uint32_t>(port.rows.size());
    port.scatter->run_port(port);
}

void Scatter::row_done(Port& port) noexcept {
    ASSERT(port.left > 0);
    if (--port.left > 0) return;
    auto& home = *port.scatter->home_;
    if (port.target == &home) {
        port.scatter->port_is_back(port);
    } else {
        port.PostedTask::run = &Scatter::come_back;
        home.cluster().post.post(home.shard(), port);
    }
}

void Scatter::come_back(engine::PostedTask& task) noexcept {
    auto& port = static_cast<Port&>(task);
    port.scatter->port_is_back(port);
}

void Scatter::port_is_back(Port& port) noexcept {
    port.away = false;
    if (--waiting_ == 0) joined();
}

}  // namespace millrace::broker
