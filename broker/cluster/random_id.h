// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/types.h"

#include <string>

namespace millrace::broker {

// A random UUID (version 4), from the system's generator.
[[nodiscard]] engine::TopicId random_topic_id() noexcept;

// "2f1c9a5e-....": the form in logs and events.
[[nodiscard]] std::string to_text(const engine::TopicId& id);

}  // namespace millrace::broker
