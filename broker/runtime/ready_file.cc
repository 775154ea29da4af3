// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/runtime/ready_file.h"

#include "broker/runtime/durable_file.h"

#include <nlohmann/json.hpp>
#include <unistd.h>

namespace millrace::broker {

int write_ready_file(const std::filesystem::path& file, const ReadyState& state) {
    auto addresses = nlohmann::ordered_json::object();
    for (const auto& [name, address] : state.listeners)
        addresses[name] = address;
    const nlohmann::ordered_json json{{"pid", getpid()},
                                      {"version", state.version},
                                      {"io", state.io},
                                      {"shards", state.shards},
                                      {"listeners", addresses}};
    const auto text = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    return replace_file(file, text + "\n", false);
}

}  // namespace millrace::broker
