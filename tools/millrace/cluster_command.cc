// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/cluster_command.h"

#include "tools/millrace/table.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace millrace::cli {

ExitCode show_cluster(const Session& session) {
    auto admin = session.admin();
    if (!admin) return fail(session, admin.error());
    const auto cluster = admin->describe_cluster();
    if (!cluster) return fail(session, cluster.error());
    std::string text;
    if (session.scripted()) {
        nlohmann::ordered_json json{{"cluster_id", cluster->id.to_string()},
                                    {"controller", cluster->controller},
                                    {"io", cluster->io},
                                    {"shards", cluster->shards},
                                    {"topics", cluster->topics},
                                    {"partitions", cluster->partitions},
                                    {"brokers", nlohmann::ordered_json::array()}};
        for (const auto& broker : cluster->brokers) {
            json["brokers"].push_back({{"id", broker.id},
                                       {"host", broker.host},
                                       {"port", broker.port},
                                       {"version", broker.version}});
        }
        text = json.dump(session.output == OutputFormat::json ? 2 : -1) + "\n";
    } else {
        text = fmt::format("cluster {}   topics {}   partitions {}   io {}   shards {}\n\n",
                           cluster->id.to_string(),
                           cluster->topics,
                           cluster->partitions,
                           cluster->io,
                           cluster->shards);
        Table table({"BROKER", "ADDRESS", "VERSION", "ROLE"});
        for (const auto& broker : cluster->brokers) {
            table.add({std::to_string(broker.id),
                       fmt::format("{}:{}", broker.host, broker.port),
                       broker.version,
                       broker.id == cluster->controller ? "controller" : ""});
        }
        text += table.text();
    }
    return put_out(session, text);
}

}  // namespace millrace::cli
