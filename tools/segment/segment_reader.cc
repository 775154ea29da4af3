// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/segment/segment_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace millrace::segment {

namespace {

using engine::BatchView;

constexpr std::size_t kReadBytes = 1U << 20;

std::string errno_text(int error) {
    return std::error_code(error, std::generic_category()).message();
}

// Why BatchView::parse() did not take a header whose batch is all there.
std::string fault_of_header(const std::byte* header) {
    namespace at = engine::batch_at;
    const auto magic = engine::load_big<std::int8_t>(header + at::kMagic);
    if (magic != engine::kBatchMagic) return fmt::format("its magic is {}, not 2", magic);
    return fmt::format("it has base offset {} and last offset delta {}",
                       engine::load_big<std::int64_t>(header + at::kBaseOffset),
                       engine::load_big<std::int32_t>(header + at::kLastOffsetDelta));
}

}  // namespace

std::expected<SegmentReader, std::string> SegmentReader::open(const std::filesystem::path& file,
                                                              std::optional<std::uint64_t> bytes) {
    const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return std::unexpected(errno_text(errno));

    struct stat status {};

    if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(descriptor);
        return std::unexpected("not a regular file");
    }
    const auto size = static_cast<std::uint64_t>(status.st_size);
    return SegmentReader(descriptor, bytes.value_or(size), !bytes);
}

SegmentReader::SegmentReader(SegmentReader&& other) noexcept
        : descriptor_(std::exchange(other.descriptor_, -1)),
          position_(other.position_),
          end_(other.end_),
          zeros_end_it_(other.zeros_end_it_),
          buffer_(std::move(other.buffer_)),
          buffer_at_(other.buffer_at_),
          buffered_(other.buffered_) {}

SegmentReader::~SegmentReader() {
    if (descriptor_ >= 0) close(descriptor_);
}

std::expected<void, std::string> SegmentReader::fill(std::size_t bytes) {
    const bool inside = position_ >= buffer_at_ && position_ + bytes <= buffer_at_ + buffered_;
    if (inside) return {};
    buffer_at_ = position_;
    buffered_ = 0;
    const auto wanted = std::min<std::uint64_t>(std::max(bytes, kReadBytes), end_ - position_);
    if (buffer_.size() < wanted) buffer_.resize(wanted);
    while (buffered_ < wanted) {
        const auto got = pread(descriptor_,
                               buffer_.data() + buffered_,
                               wanted - buffered_,
                               static_cast<off_t>(buffer_at_ + buffered_));
        if (got < 0) return std::unexpected("cannot be read: " + errno_text(errno));
        if (got == 0) break;
        buffered_ += static_cast<std::size_t>(got);
    }
    if (buffered_ >= bytes) return {};
    return std::unexpected(
            fmt::format("the file ends at byte {}, its data at {}", buffer_at_ + buffered_, end_));
}

bool SegmentReader::only_zeros_follow() {
    const auto back = position_;
    bool zeros = true;
    while (zeros && position_ < end_) {
        const auto step = std::min<std::uint64_t>(kReadBytes, end_ - position_);
        zeros = fill(step).has_value();
        const auto* from = buffer_.data() + (position_ - buffer_at_);
        zeros = zeros &&
                std::all_of(from, from + step, [](std::byte b) { return b == std::byte{0}; });
        position_ += step;
    }
    position_ = back;
    return zeros;
}

std::expected<std::optional<BatchView>, std::string> SegmentReader::next() {
    const auto left = end_ - position_;
    if (left == 0) return std::nullopt;
    if (left < engine::kBatchHeaderBytes) {
        if (zeros_end_it_ && only_zeros_follow()) return std::nullopt;
        return std::unexpected(fmt::format("a batch is cut off: {} bytes are left", left));
    }
    if (auto filled = fill(engine::kBatchHeaderBytes); !filled) {
        return std::unexpected(filled.error());
    }
    const auto* header = buffer_.data() + (position_ - buffer_at_);
    const auto length = engine::load_big<std::int32_t>(header + engine::batch_at::kBatchLength);
    const auto size = std::int64_t{length} + engine::kBatchPrefixBytes;
    if (size < engine::kBatchHeaderBytes || static_cast<std::uint64_t>(size) > left) {
        if (zeros_end_it_ && length == 0 && only_zeros_follow()) return std::nullopt;
        return std::unexpected(fmt::format(
                "no batch: its length would be {} where {} bytes are left", size, left));
    }
    if (auto filled = fill(static_cast<std::size_t>(size)); !filled) {
        return std::unexpected(filled.error());
    }
    header = buffer_.data() + (position_ - buffer_at_);
    const auto batch = BatchView::parse({header, static_cast<std::size_t>(size)});
    if (!batch) return std::unexpected("no batch: " + fault_of_header(header));
    position_ += static_cast<std::uint64_t>(size);
    return *batch;
}

}  // namespace millrace::segment
