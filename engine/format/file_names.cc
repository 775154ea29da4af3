// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/format/file_names.h"

#include "engine/assert.h"

#include <algorithm>
#include <charconv>

namespace millrace::engine {

namespace {

constexpr std::size_t kBaseDigits = 20;

}  // namespace

FilePath& FilePath::append(std::string_view text) noexcept {
    ASSERT(text.size() <= text_.size() - size_);
    std::copy(text.begin(), text.end(), text_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += text.size();
    return *this;
}

FilePath& FilePath::append_number(std::uint64_t number, int digits_min) noexcept {
    std::array<char, 20> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    const auto count = static_cast<int>(end - digits.data());
    for (int missing = digits_min - count; missing > 0; --missing)
        append("0");
    return append({digits.data(), static_cast<std::size_t>(count)});
}

FilePath partition_path(std::string_view directory) noexcept {
    FilePath path(kTopicsDirectory);
    path.append("/").append(directory);
    return path;
}

FilePath partition_file_path(std::string_view directory, std::string_view name) noexcept {
    FilePath path = partition_path(directory);
    path.append("/").append(name);
    return path;
}

FilePath segment_path(std::string_view directory, Offset base, std::string_view suffix) noexcept {
    FilePath path = partition_path(directory);
    path.append("/")
            .append_number(static_cast<std::uint64_t>(base.value), kBaseDigits)
            .append(suffix);
    return path;
}

std::optional<Offset> segment_base_of(std::string_view name) noexcept {
    if (name.size() <= kBaseDigits || name[kBaseDigits] != '.') return std::nullopt;
    std::int64_t base = 0;
    const auto* end = name.data() + kBaseDigits;
    const auto [stop, error] = std::from_chars(name.data(), end, base);
    if (error != std::errc() || stop != end || base < 0) return std::nullopt;
    return Offset(base);
}

FilePath trash_path(const PartitionKey& key, std::uint32_t attempt) noexcept {
    constexpr std::string_view kHex = "0123456789abcdef";
    FilePath path(kTrashDirectory);
    path.append("/");
    for (const auto byte : key.topic.bytes) {
        path.append(kHex.substr(byte >> 4U, 1)).append(kHex.substr(byte & 0xfU, 1));
    }
    path.append("-").append_number(key.partition, 1);
    if (attempt > 0) path.append("-").append_number(attempt, 1);
    return path;
}

}  // namespace millrace::engine
