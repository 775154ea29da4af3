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
        if (!unlink(first_, item)) unlink(telling_, item);
    }

    // Tells what there is to tell; what becomes news meanwhile waits for the next time. Items may
    // be forgotten meanwhile.
    void tell_all() noexcept {
        telling_ = std::exchange(first_, nullptr);
        while (telling_ != nullptr) {
            auto& item = *std::exchange(telling_, telling_->next_);
            item.queued_ = false;
            item.tell_news();
        }
    }

    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }

private:
    static bool unlink(NewsItem*& list, NewsItem& item) noexcept {
        auto** link = &list;
        while (*link != nullptr && *link != &item)
            link = &(*link)->next_;
        if (*link == nullptr) return false;
        *link = item.next_;
        return true;
    }

    NewsItem* first_ = nullptr;
    NewsItem* telling_ = nullptr;
};

}  // namespace millrace::engine
