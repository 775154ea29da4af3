// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Good requests of every API that takes a table, and ways to spoil one byte by byte.
#pragma once

#include "tests/broker/request/requests.h"

#include <flatbuffers/flatbuffers.h>

#include <cstring>
#include <string>
#include <vector>

namespace millrace::testing {

struct Sample {
    std::string name;
    RequestFrame frame;
};

// None of them has an effect, but for produce.
[[nodiscard]] std::vector<Sample> samples(const engine::PartitionKey& key);

// A request with bytes of its own.
[[nodiscard]] RequestFrame copy_of(const RequestFrame& frame);

inline std::byte* table_of(RequestFrame& frame) {
    return reinterpret_cast<std::byte*>(frame.memory->data());
}

template <class T>
void poke(RequestFrame& frame, std::size_t position, T value) {
    std::memcpy(table_of(frame) + position, &value, sizeof value);
}

template <class T>
[[nodiscard]] T peek(RequestFrame& frame, std::size_t position) {
    T value;
    std::memcpy(&value, table_of(frame) + position, sizeof value);
    return value;
}

// Where the root table and its vtable lie.
[[nodiscard]] std::size_t root_at(RequestFrame& frame);
[[nodiscard]] std::size_t vtable_at(RequestFrame& frame, std::size_t table);

// Where something lies that an accessor of the request points to.
[[nodiscard]] inline std::size_t position_of(RequestFrame& frame, const void* thing) {
    return static_cast<std::size_t>(static_cast<const std::byte*>(thing) - table_of(frame));
}

template <class T>
[[nodiscard]] const T& root_of(RequestFrame& frame) {
    return *flatbuffers::GetRoot<T>(frame.memory->data());
}

// The same request with `bytes` of table more behind its own.
[[nodiscard]] RequestFrame with_longer_table(const RequestFrame& frame, std::size_t bytes);

}  // namespace millrace::testing
