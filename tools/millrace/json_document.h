// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A short answer as scripts read it: one document, or one line for each element of an array.
#pragma once

#include "tools/millrace/session.h"

#include <nlohmann/json.hpp>
#include <string>

namespace millrace::cli {

inline std::string json_text(const Session& session, const nlohmann::ordered_json& document) {
    if (session.output == OutputFormat::json) return document.dump(2) + "\n";
    if (!document.is_array()) return document.dump() + "\n";
    std::string lines;
    for (const auto& element : document)
        lines += element.dump() + "\n";
    return lines;
}

}  // namespace millrace::cli
