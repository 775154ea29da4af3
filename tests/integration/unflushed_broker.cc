// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Linked with the broker's own sources: a millraced that acknowledges without a flush.
#include "engine/base/planted_bugs.h"

namespace {

[[maybe_unused]] const bool kPlanted = [] {
    millrace::engine::planted_bug = millrace::engine::PlantedBug::skip_flush;
    return true;
}();

}  // namespace
