// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// millrace topic create | list | get | alter | delete | offsets
#pragma once

#include "tools/millrace/session.h"

#include <cstdint>
#include <string>
#include <vector>

namespace millrace::cli {

struct TopicCreateOptions {
    std::string topic;
    std::uint32_t partitions = 0;  // 0: the broker's default.
    std::vector<std::string> config;
    bool if_not_exists = false;
};

struct TopicAlterOptions {
    std::string topic;
    std::uint32_t partitions = 0;  // 0: as they are.
    std::vector<std::string> config;
    std::vector<std::string> unset;
};

struct TopicDeleteOptions {
    std::vector<std::string> topics;
    bool yes = false;
};

ExitCode create_topic(const Session& session, const TopicCreateOptions& options);
ExitCode list_topics(const Session& session);
ExitCode get_topic(const Session& session, const std::string& topic);
ExitCode alter_topic(const Session& session, const TopicAlterOptions& options);
ExitCode delete_topics(const Session& session, const TopicDeleteOptions& options);
ExitCode show_offsets(const Session& session, const std::string& topic);

}  // namespace millrace::cli
