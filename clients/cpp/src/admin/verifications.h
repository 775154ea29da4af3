// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Admin::verify_partition: asks again and again, from where the last answer ended.
#pragma once

#include "core/client_core.h"
#include "millrace/admin.h"

namespace millrace::detail {

Result<PartitionVerification> verify_partition(ClientCore& client, const TopicPartition& partition);

}  // namespace millrace::detail
