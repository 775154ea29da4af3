// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// metadata and describe_cluster.
#pragma once

#include "codec/messages.h"
#include "millrace/result.h"
#include "net/call.h"

#include <span>
#include <string>
#include <vector>

namespace millrace::detail {

// Requires: at most kRequestTablesMax names.
EncodedRequest encode_metadata(std::span<const std::string> names);
EncodedRequest encode_metadata_of_all();

// Errors of single topics are in their rows. Errors: protocol_violation, the broker's.
Result<std::vector<TopicMetadata>> decode_metadata(const Response& response);

EncodedRequest encode_describe_cluster();
Result<ClusterDescription> decode_describe_cluster(const Response& response);

}  // namespace millrace::detail
