// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A value or an Error. The library throws nothing of its own.
#pragma once

#include "millrace/error.h"

#include <cstdio>
#include <cstdlib>
#include <type_traits>
#include <utility>
#include <variant>

namespace millrace {

namespace detail {

// A program that takes the value of a failure ends here, with the failure on stderr.
[[noreturn]] inline void value_of_failure(const Error& error) noexcept {
    std::fprintf(stderr,
                 "millrace: value() of a failed Result: %.*s: %s\n",
                 static_cast<int>(error.name().size()),
                 error.name().data(),
                 error.message.c_str());
    std::abort();
}

}  // namespace detail

template <class T>
class [[nodiscard]] Result {
    static_assert(!std::is_same_v<T, Error>, "a Result of an Error is ambiguous");

public:
    using value_type = T;

    // NOLINTNEXTLINE(google-explicit-constructor)
    Result(const T& value) : content_(std::in_place_index<0>, value) {}

    // NOLINTNEXTLINE(google-explicit-constructor)
    Result(T&& value) : content_(std::in_place_index<0>, std::move(value)) {}

    // NOLINTNEXTLINE(google-explicit-constructor)
    Result(Error error) : content_(std::in_place_index<1>, std::move(error)) {}

    [[nodiscard]] bool has_value() const noexcept { return content_.index() == 0; }

    explicit operator bool() const noexcept { return has_value(); }

    // Requires has_value(): ends the program otherwise.
    [[nodiscard]] T& value() & {
        require_value();
        return *std::get_if<0>(&content_);
    }

    [[nodiscard]] const T& value() const& {
        require_value();
        return *std::get_if<0>(&content_);
    }

    [[nodiscard]] T&& value() && {
        require_value();
        return std::move(*std::get_if<0>(&content_));
    }

    [[nodiscard]] T& operator*() & { return value(); }

    [[nodiscard]] const T& operator*() const& { return value(); }

    [[nodiscard]] T&& operator*() && { return std::move(*this).value(); }

    [[nodiscard]] T* operator->() { return &value(); }

    [[nodiscard]] const T* operator->() const { return &value(); }

    template <class U>
    [[nodiscard]] T value_or(U&& other) const& {
        return has_value() ? *std::get_if<0>(&content_) : static_cast<T>(std::forward<U>(other));
    }

    // Requires !has_value().
    [[nodiscard]] const Error& error() const& { return std::get<1>(content_); }

    [[nodiscard]] Error&& error() && { return std::get<1>(std::move(content_)); }

private:
    void require_value() const {
        if (!has_value()) detail::value_of_failure(*std::get_if<1>(&content_));
    }

    std::variant<T, Error> content_;
};

template <>
class [[nodiscard]] Result<void> {
public:
    using value_type = void;

    Result() = default;

    // NOLINTNEXTLINE(google-explicit-constructor)
    Result(Error error) : error_(std::move(error)), failed_(true) {}

    [[nodiscard]] bool has_value() const noexcept { return !failed_; }

    explicit operator bool() const noexcept { return has_value(); }

    void value() const {
        if (failed_) detail::value_of_failure(error_);
    }

    // Requires !has_value().
    [[nodiscard]] const Error& error() const& { return error_; }

    [[nodiscard]] Error&& error() && { return std::move(error_); }

private:
    Error error_;
    bool failed_ = false;
};

}  // namespace millrace
