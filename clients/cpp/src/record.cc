// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "millrace/record.h"

#include "core/bytes.h"
#include "engine/format/record.h"

namespace millrace {

void HeadersView::Iterator::decode() noexcept {
    engine::Bytes rest(reinterpret_cast<const std::byte*>(next_),
                       static_cast<std::size_t>(end_ - next_));
    const auto header = engine::take_header(rest);
    if (!header) {  // Cannot happen to checked bytes; ends the iteration all the same.
        left_ = 0;
        return;
    }
    next_ = reinterpret_cast<const char*>(rest.data());
    current_.key = detail::text_of(header->key);
    current_.value.reset();
    if (header->value) current_.value = detail::text_of(*header->value);
}

HeadersView::Iterator& HeadersView::Iterator::operator++() noexcept {
    --left_;
    if (left_ > 0) decode();
    return *this;
}

HeadersView::Iterator HeadersView::Iterator::operator++(int) noexcept {
    const auto before = *this;
    ++*this;
    return before;
}

HeadersView::Iterator HeadersView::begin() const noexcept {
    Iterator iterator;
    iterator.next_ = encoded_.data();
    iterator.end_ = encoded_.data() + encoded_.size();
    iterator.left_ = count_;
    if (count_ > 0) iterator.decode();
    return iterator;
}

HeadersView::Iterator HeadersView::end() const noexcept {
    return {};
}

}  // namespace millrace
