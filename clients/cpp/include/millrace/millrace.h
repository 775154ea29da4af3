// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Everything.
#pragma once

#include "millrace/admin.h"
#include "millrace/client.h"
#include "millrace/consumer.h"
#include "millrace/error.h"
#include "millrace/producer.h"
#include "millrace/record.h"
#include "millrace/result.h"
#include "millrace/types.h"
#include "millrace/version.h"
