// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/record_filter.h"

#include <re2/re2.h>
#include <utility>

namespace millrace::cli {

namespace {

bool found(const re2::RE2& expression, std::string_view text) {
    return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), expression);
}

}  // namespace

RecordFilter::RecordFilter(std::unique_ptr<re2::RE2> expression)
        : expression_(std::move(expression)) {}

RecordFilter::~RecordFilter() = default;

std::shared_ptr<const RecordFilter> RecordFilter::parse(const std::string& pattern,
                                                        std::string& wrong) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    auto expression = std::make_unique<re2::RE2>(pattern, options);
    if (!expression->ok()) {
        wrong = expression->error();
        return nullptr;
    }
    return std::make_shared<const RecordFilter>(std::move(expression));
}

bool RecordFilter::matches(const RecordView& record) const {
    return (record.key && found(*expression_, *record.key)) ||
           (record.value && found(*expression_, *record.value));
}

}  // namespace millrace::cli
