// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Records on their way in (Record) and out (RecordView). Bytes are bytes: nothing here must be
// text, except header keys, which are UTF-8.
#pragma once

#include "millrace/export.h"

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>
#include <vector>

namespace millrace {

struct Header {
    std::string_view key;
    std::optional<std::string_view> value;  // Absent: null.
};

// A record to send. Borrows everything until send() returns.
struct Record {
    std::string_view topic;
    std::optional<std::string_view> key;     // Chooses the partition, as Kafka's clients do.
    std::optional<std::string_view> value;   // Absent: null, which deletes the key when compacted.
    std::optional<std::uint32_t> partition;  // Overrides the key's choice.
    std::optional<std::int64_t> timestamp_ms;  // Absent: now.
    std::vector<Header> headers;
};

// The headers of a received record, decoded while iterating: keys may repeat, order counts.
// Borrows from the Records the view came with.
class MILLRACE_API HeadersView {
public:
    class MILLRACE_API Iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = Header;
        using difference_type = std::ptrdiff_t;
        using pointer = const Header*;
        using reference = const Header&;

        Iterator() = default;

        reference operator*() const noexcept { return current_; }

        pointer operator->() const noexcept { return &current_; }

        Iterator& operator++() noexcept;
        Iterator operator++(int) noexcept;

        friend bool operator==(const Iterator& a, const Iterator& b) noexcept {
            return a.left_ == b.left_;
        }

        friend bool operator!=(const Iterator& a, const Iterator& b) noexcept { return !(a == b); }

    private:
        friend class HeadersView;

        void decode() noexcept;

        const char* next_ = nullptr;
        const char* end_ = nullptr;
        std::uint32_t left_ = 0;
        Header current_;
    };

    HeadersView() = default;

    // `encoded` holds `count` headers in the record format, checked before.
    HeadersView(std::string_view encoded, std::uint32_t count) noexcept
            : encoded_(encoded), count_(count) {}

    [[nodiscard]] std::size_t size() const noexcept { return count_; }

    [[nodiscard]] bool empty() const noexcept { return count_ == 0; }

    [[nodiscard]] Iterator begin() const noexcept;
    [[nodiscard]] Iterator end() const noexcept;

private:
    std::string_view encoded_;
    std::uint32_t count_ = 0;
};

// A received record. Borrows from the Records it came with.
struct RecordView {
    std::string_view topic;
    std::uint32_t partition = 0;
    std::int64_t offset = 0;
    std::int64_t timestamp_ms = -1;  // -1: none.
    std::optional<std::string_view> key;
    std::optional<std::string_view> value;
    HeadersView headers;
};

}  // namespace millrace
