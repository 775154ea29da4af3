// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Logs that have something to say that may not be said from inside append().
#pragma once

#include <utility>

namespace millrace::engine {

class NewsItem {
public:
    virtual ~NewsItem() = default;
    virtual void tell_news() noexcept = 0;

protected:
    NewsItem() = default;
    NewsItem(const NewsItem&) = default;
    NewsItem& operator=(const NewsItem&) = default;

private:
    friend class LogNews;
    NewsItem* next_ = nullptr;
    bool queued_ = false;
};

// Thread: the shard's.
class LogNews {
public:
    void add(NewsItem& item) noexcept {
        if (std::exchange(item.queued_, true)) return;
        item.next_ = std::exchange(first_, &item);
    }

    void forget(NewsItem& item) noexcept {
        if (!std::exchange(item.queued_, false)) return;
        auto** link = &first_;
        while (*link != &item)
            link = &(*link)->next_;
        *link = item.next_;
    }

    // Tells what there is to tell. Items may be forgotten meanwhile; what becomes news meanwhile
    // is told too.
    void tell_all() noexcept {
        while (first_ != nullptr) {
            auto& item = *std::exchange(first_, first_->next_);
            item.queued_ = false;
            item.tell_news();
        }
    }

    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }

private:
    NewsItem* first_ = nullptr;
};

}  // namespace millrace::engine
