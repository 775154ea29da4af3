// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What one row of the API table says. The table itself, the only one, is request/api_table.cc:
// a row has no default for any field, so an API without a decision does not build.
#pragma once

#include "broker/net/frame_handler.h"
#include "schemas/wire/api.h"

#include <cstdint>
#include <string_view>

namespace millrace::broker {

class RequestContext;
struct ClientConnection;

// Runs on the connection's shard. Must see to it that the request is finished exactly once.
using Handler = void (*)(RequestContext& context,
                         ClientConnection& connection,
                         IncomingFrame&& frame) noexcept;

// What a principal must be allowed to do ...
enum class Operation : std::uint8_t {
    open,  // Anybody may: the session itself.
    describe,
    describe_configs,
    alter_configs,
    create,
    remove,
    alter,
    read,
    write,
};

// ... on what.
enum class ResourceType : std::uint8_t {
    session,
    cluster,
    topic,  // Each topic the request names, by itself.
};

enum class Admission : std::uint8_t { before_authentication, after_authentication };

struct ApiRow {
    consteval ApiRow(wire::Api row_api,
                     std::string_view row_name,
                     std::uint16_t row_version_min,
                     std::uint16_t row_version_max,
                     Handler row_handler,
                     Operation row_operation,
                     ResourceType row_resource,
                     Admission row_admission)
            : api(row_api),
              name(row_name),
              version_min(row_version_min),
              version_max(row_version_max),
              handler(row_handler),
              operation(row_operation),
              resource(row_resource),
              admission(row_admission) {}

    wire::Api api;
    std::string_view name;
    std::uint16_t version_min;
    std::uint16_t version_max;
    Handler handler;
    Operation operation;
    ResourceType resource;
    Admission admission;
};

}  // namespace millrace::broker
