// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Objects that come back: taken, used, given back, and taken again with the memory they grew to.
//
// Thread:      one. Allocates when none is free.
#pragma once

#include <memory>
#include <vector>

namespace millrace::broker {

template <class T>
class ObjectPool {
public:
    // `args` make a new one; one that was used before is as it was given back.
    template <class... Args>
    [[nodiscard]] T& take(Args&&... args) {
        if (free_.empty()) {
            auto& made = all_.emplace_back(std::make_unique<T>(std::forward<Args>(args)...));
            free_.reserve(all_.size());  // Giving back never allocates.
            return *made;
        }
        auto& object = *free_.back();
        free_.pop_back();
        return object;
    }

    void give_back(T& object) noexcept { free_.push_back(&object); }

    [[nodiscard]] std::size_t in_use() const noexcept { return all_.size() - free_.size(); }

private:
    std::vector<std::unique_ptr<T>> all_;
    std::vector<T*> free_;
};

}  // namespace millrace::broker
