// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Memory of requests in flight on one shard, kept from one to the next.
#pragma once

#include "broker/request/fetch.h"
#include "broker/request/handlers/append_atomic.h"
#include "broker/request/handlers/compact_records.h"
#include "broker/request/handlers/delete_records.h"
#include "broker/request/handlers/partition_queries.h"
#include "broker/request/handlers/produce.h"
#include "broker/request/handlers/verify_records.h"
#include "broker/request/object_pool.h"

#include <cstdint>
#include <vector>

namespace millrace::broker {

struct HandlerPools {
    ObjectPool<Produce> produces;
    Fetches fetches;
    ObjectPool<PartitionQueries> queries;
    ObjectPool<DeleteRecords> deletions;
    ObjectPool<AppendAtomic> atomic_appends;
    ObjectPool<CompactRecords> compactions;
    RecordCompactions asked_compactions;
    ObjectPool<VerifyRecords> verifications;
    std::vector<engine::Slice> slices;  // Of the response being written.

    [[nodiscard]] std::uint32_t next_session_id() noexcept {
        if (++last_session_id_ == 0) ++last_session_id_;
        return last_session_id_;
    }

private:
    std::uint32_t last_session_id_ = 0;
};

}  // namespace millrace::broker
