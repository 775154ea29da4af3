// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Apart from what it counts for, so that no caller sees that memory is malloc's.
#include "tests/broker/request/counted_allocations.h"

#include <cstdlib>
#include <new>

namespace {

std::uint64_t count = 0;

}  // namespace

std::uint64_t millrace::testing::counted_allocations() noexcept {
    return count;
}

void* operator new(std::size_t size) {
    ++count;
    if (void* memory = std::malloc(size); memory != nullptr) return memory;
    throw std::bad_alloc();
}

void operator delete(void* memory) noexcept {
    std::free(memory);
}

void operator delete(void* memory, std::size_t /*size*/) noexcept {
    std::free(memory);
}
