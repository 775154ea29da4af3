// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "consumer/fetch_session.h"

namespace millrace::detail {

namespace {

bool same(const FetchRow& a, const FetchRow& b) {
    return a.offset == b.offset && a.leader_epoch == b.leader_epoch && a.bytes_max == b.bytes_max;
}

}  // namespace

void FetchSession::ask(const std::vector<FetchRow>& wanted, FetchQuery& query) {
    query.session_id = id_;
    query.session_epoch = next_epoch_;
    const bool full = next_epoch_ == 0;
    std::map<PartitionKey, FetchRow> before;
    if (!full) before = std::move(known_);
    known_.clear();
    for (const auto& row : wanted) {
        const PartitionKey key{row.topic.bytes, row.partition};
        known_.emplace(key, row);
        const auto found = before.find(key);
        if (found == before.end() || !same(found->second, row)) query.partitions.push_back(row);
        if (found != before.end()) before.erase(found);
    }
    for (const auto& [key, row] : before)
        query.forgotten.push_back({row.topic, row.partition});
}

void FetchSession::answered(const Fetched& fetched) noexcept {
    id_ = fetched.session_id;
    // A broker that gave no session is asked for one again, with a full fetch.
    next_epoch_ = id_ == 0 ? 0 : fetched.session_epoch + 1;
}

void FetchSession::reset() noexcept {
    next_epoch_ = 0;
    known_.clear();
}

}  // namespace millrace::detail
