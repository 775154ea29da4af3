// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/line_reader.h"

#include "tools/millrace/interrupt.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace millrace::cli {

namespace {
constexpr std::size_t kReadBytes = 256 * 1024UL;
}

std::optional<LineReader> LineReader::open(const std::string& path) {
    if (path.empty() || path == "-") return LineReader(STDIN_FILENO, false);
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return std::nullopt;
    return LineReader(descriptor, true);
}

LineReader::LineReader(int descriptor, bool owned)
        : descriptor_(descriptor), owned_(owned), buffer_(kReadBytes) {
    struct stat status {};

    if (fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode))
        size_ = static_cast<std::uint64_t>(status.st_size);
}

LineReader::LineReader(LineReader&& other) noexcept
        : descriptor_(std::exchange(other.descriptor_, -1)),
          owned_(std::exchange(other.owned_, false)),
          ended_(other.ended_),
          failure_(other.failure_),
          buffer_(std::move(other.buffer_)),
          begin_(other.begin_),
          end_(other.end_),
          searched_(other.searched_),
          bytes_read_(other.bytes_read_),
          size_(other.size_) {}

LineReader& LineReader::operator=(LineReader&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    std::swap(owned_, other.owned_);
    std::swap(buffer_, other.buffer_);
    ended_ = other.ended_;
    failure_ = other.failure_;
    begin_ = other.begin_;
    end_ = other.end_;
    searched_ = other.searched_;
    bytes_read_ = other.bytes_read_;
    size_ = other.size_;
    return *this;
}

LineReader::~LineReader() {
    if (owned_) close(descriptor_);
}

std::optional<std::string_view> LineReader::next() {
    for (;;) {
        const char* data = buffer_.data();
        const auto* newline =
                static_cast<const char*>(std::memchr(data + searched_, '\n', end_ - searched_));
        if (newline != nullptr) {
            const std::string_view line(data + begin_, newline);
            begin_ = searched_ = static_cast<std::size_t>(newline - data) + 1;
            return line;
        }
        searched_ = end_;
        if (fill()) continue;
        if (failure_ != 0 || interrupted() || begin_ == end_) return std::nullopt;
        const std::string_view last(buffer_.data() + begin_, end_ - begin_);
        begin_ = searched_ = end_;
        return last;
    }
}

bool LineReader::fill() {
    if (ended_ || failure_ != 0 || interrupted()) return false;
    if (begin_ > 0) {
        std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
                  buffer_.begin() + static_cast<std::ptrdiff_t>(end_),
                  buffer_.begin());
        end_ -= begin_;
        searched_ -= begin_;
        begin_ = 0;
    }
    if (end_ == buffer_.size()) {
        if (buffer_.size() >= kLineBytesMax) {
            failure_ = EMSGSIZE;
            return false;
        }
        buffer_.resize(buffer_.size() * 2);
    }
    const auto count = read(descriptor_, buffer_.data() + end_, buffer_.size() - end_);
    if (count < 0 && errno == EINTR) return !interrupted();
    if (count < 0) failure_ = errno;
    if (count <= 0) {
        ended_ = true;
        return false;
    }
    end_ += static_cast<std::size_t>(count);
    bytes_read_ += static_cast<std::uint64_t>(count);
    return true;
}

}  // namespace millrace::cli
