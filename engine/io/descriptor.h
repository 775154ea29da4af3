// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unistd.h>
#include <utility>

namespace millrace::engine {

// Owns a file descriptor.
class Descriptor {
public:
    Descriptor() = default;

    explicit Descriptor(int number) noexcept : number_(number) {}

    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;

    Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}

    Descriptor& operator=(Descriptor&& other) noexcept {
        if (this != &other) reset(other.release());
        return *this;
    }

    ~Descriptor() { reset(-1); }

    [[nodiscard]] int get() const noexcept { return number_; }

    explicit operator bool() const noexcept { return number_ >= 0; }

    [[nodiscard]] int release() noexcept { return std::exchange(number_, -1); }

    void reset(int number) noexcept {
        if (number_ >= 0) ::close(number_);
        number_ = number;
    }

private:
    int number_ = -1;
};

}  // namespace millrace::engine
