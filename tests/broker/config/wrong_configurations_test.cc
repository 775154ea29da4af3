// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Wrong configuration files, and what their authors read.
#include "broker/config/config_loader.h"
#include "broker/runtime/exposure.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace millrace::broker {
namespace {

struct WrongFile {
    std::string_view text;
    std::string_view sentence;  // Behind the file's path.
};

constexpr std::string_view kSizes =
        "a string with a size and its unit (B, KiB, MiB, GiB, TiB, kB, "
        "MB, GB, TB), from ";
constexpr std::string_view kDurations =
        "a string with a duration and its unit (us, ms, s, min, h, "
        "d), from ";

// {sizes} and {durations} stand for the two phrases above.
constexpr WrongFile kWrongFiles[] = {
        // Keys.
        {"[node]\nshard = 2\n", ":2:1: unknown key node.shard; the nearest one is node.shards"},
        {"[nod]\nshards = 2\n", ":2:1: unknown key nod.shards; the nearest one is node.shards"},
        {"shards = 2\n", ":1:1: unknown key shards; the nearest one is node.shards"},
        {"[listener.client]\nport = 1\n",
         ":2:1: unknown key listener.client.port; the nearest one is listener.client.bind"},
        {"[listener]\nbind = \"127.0.0.1:0\"\n",
         ":2:1: unknown key listener.bind; the nearest one is listener.client.bind"},
        {"listener = \"127.0.0.1:0\"\n",
         ":1:1: listener is no key but a section: write its keys below [listener.NAME]"},
        {"[[node]]\nshards = 2\n",
         ":1:3: node is no key but a section: write its keys below [node]"},
        {"[node]\nshards = {a = 1}\n",
         ":2:11: unknown key node.shards.a; the nearest one is node.shards"},
        // Kinds and bounds.
        {"[node]\nshards = \"2\"\n", ":2:1: node.shards must be a whole number, from 1 to 64"},
        {"[node]\nshards = 0\n", ":2:1: node.shards must be a whole number, from 1 to 64"},
        {"[node]\nshards = 65\n", ":2:1: node.shards must be a whole number, from 1 to 64"},
        {"[node]\nshards = 2.5\n", ":2:1: node.shards must be a whole number, from 1 to 64"},
        {"[node]\nshards = [1, 2]\n", ":2:1: node.shards must be a whole number, from 1 to 64"},
        {"[node]\nid = true\n", ":2:1: node.id must be a whole number, from 0 to 2147483647"},
        {"[node]\nid = 4294967296\n", ":2:1: node.id must be a whole number, from 0 to 2147483647"},
        {"[node]\nspin = 20\n",
         ":2:1: node.spin must be {durations}0s to 1ms; a number without a unit is ambiguous: "
         "\"20s\"?"},
        {"[node]\nspin = \"20\"\n", ":2:1: node.spin must be {durations}0s to 1ms"},
        {"[node]\nspin = \"20 parsecs\"\n", ":2:1: node.spin must be {durations}0s to 1ms"},
        {"[node]\nspin = \"1s\"\n", ":2:1: node.spin must be {durations}0s to 1ms"},
        {"[node]\nspin = 2024-05-01\n", ":2:1: node.spin must be {durations}0s to 1ms"},
        {"[node]\nlock_wait = \"-1s\"\n", ":2:1: node.lock_wait must be {durations}0s to 1h"},
        {"[wal]\nbytes = 1048576\n",
         ":2:1: wal.bytes must be {sizes}32MiB to 1TiB; a number without a unit is ambiguous: "
         "\"1048576B\"?"},
        {"[wal]\nbytes = \"1MiB\"\n", ":2:1: wal.bytes must be {sizes}32MiB to 1TiB"},
        {"[wal]\nbytes = \"99999999999TiB\"\n", ":2:1: wal.bytes must be {sizes}32MiB to 1TiB"},
        {"[memory]\ntotal = \"1KiB\"\n", ":2:1: memory.total must be {sizes}96MiB to 1TiB"},
        {"[topic]\nsegment_bytes = \"4GiB\"\n",
         ":2:1: topic.segment_bytes must be {sizes}64KiB to 2147483647B"},
        {"[topic]\nsegment_ms = \"0s\"\n",
         ":2:1: topic.segment_ms must be {durations}1s to 36500d"},
        {"[security]\nallow_unauthenticated = \"yes\"\n",
         ":2:1: security.allow_unauthenticated must be true or false"},
        {"[log]\nlevel = \"loud\"\n", ":2:1: log.level must be one of debug, info, warning, error"},
        {"[engine]\nio = \"urin\"\n", ":2:1: engine.io must be one of auto, uring, threads"},
        {"[node]\ndata_dir = \"\"\n", ":2:1: node.data_dir must be a string that is not empty"},
        // Relations.
        {"[network]\nrequest_bytes_max = \"8MiB\"\nbytes_in_flight_max = \"4MiB\"\n",
         ":3:1: network.bytes_in_flight_max must not be below network.request_bytes_max"},
        // Listeners.
        {"[listener.client]\nbind = 9192\n",
         ":2:1: listener.client.bind must be a string that is not empty"},
        {"[listener.client]\nbind = \"9192\"\n",
         ":2:1: listener.client.bind = \"9192\": write it as HOST:PORT or unix:PATH"},
        {"[listener.client]\nbind = \"127.0.0.1:70000\"\n",
         ":2:1: listener.client.bind = \"127.0.0.1:70000\": the port must be a number from 0 to "
         "65535, not \"70000\""},
        {"[listener.client]\nbind = \"unix:x.sock\"\n",
         ":2:1: listener.client.bind = \"unix:x.sock\": the path of a Unix socket must be "
         "absolute: "
         "unix:/PATH"},
        {"[listener.client]\nbind = \"0.0.0.0:9192\"\n",
         ":2:1: listener.client.bind = \"0.0.0.0:9192\" can be reached from other machines, and "
         "nobody has to authenticate: bind to 127.0.0.1, or set security.allow_unauthenticated = "
         "true if everybody there may read and write everything"},
        {"[http]\nbind = \"[::]:9180\"\n",
         ":2:1: http.bind = \"[::]:9180\" can be reached from other machines, and nobody has to "
         "authenticate: bind to 127.0.0.1, or set security.allow_unauthenticated = true if "
         "everybody there may see metrics and health"},
        {"[listener.client]\nadvertise = \"a:0\"\n",
         ":2:1: listener.client.advertise must be HOST:PORT as a client dials it, with an IPv6 "
         "address in brackets and a port from 1 to 65535, not \"a:0\""},
        {"[listener.Client]\nbind = \"127.0.0.1:0\"\n",
         ":2:1: a listener's name is made of a-z, 0-9, _ and -, not \"Client\""},
        {"[listener.local]\nbind = \"127.0.0.1:0\"\n",
         ":2:1: listener.local is the broker's own Unix socket, <data_dir>/run/millraced.sock; "
         "choose another name"},
        {"[listener.http]\nbind = \"127.0.0.1:0\"\n",
         ":2:1: listener.http is the broker's own, where http.bind says; choose another name"},
        {"[listener.other]\nadvertise = \"a:1\"\n", ":2:1: listener.other.bind is missing"},
        // No TOML: the parser's words.
        {"[node\nshards = 2\n", ":1:6: Error while parsing table header: expected ']', saw '\\n'"},
        {"[node]\nshards 2\n", ":2:8: Error while parsing key-value pair: expected '=', saw '2'"},
        {"[node]\nshards = 2\nshards = 3\n",
         ":3:10: Error while parsing key-value pair: cannot redefine existing integer 'shards'"},
        {"[node]\nid = 99999999999999999999\n",
         ":2:26: Error while parsing decimal integer: '99999999999999999999' is not representable "
         "in 64 bits"},
};

std::string replaced(std::string text, std::string_view what, std::string_view with) {
    const auto at = text.find(what);
    return at == std::string::npos ? text : text.replace(at, what.size(), with);
}

// What a broker of this configuration says before it ends; empty when nothing is wrong.
std::string complaint(const std::filesystem::path& file) {
    const Machine machine{
            .cores = 2, .memory_bytes = std::uint64_t{8} << 30, .state_directory = "/state"};
    ConfigInputs inputs;
    inputs.file = file;
    const auto options = load_config(inputs, machine);
    if (!options) return options.error().front();
    const auto exposure = check_exposure(*options);
    return exposure ? std::string() : exposure.error();
}

TEST(WrongConfigurations, AreNamedWithFileLineColumnAndWhatToWrite) {
    const auto file = std::filesystem::path(::testing::TempDir()) / "millraced.toml";
    for (const auto& wrong : kWrongFiles) {
        std::ofstream(file) << wrong.text;
        const auto expected = replaced(replaced(std::string(wrong.sentence), "{sizes}", kSizes),
                                       "{durations}",
                                       kDurations);
        EXPECT_EQ(complaint(file), file.string() + expected) << wrong.text;
    }
    std::filesystem::remove(file);
}

}  // namespace
}  // namespace millrace::broker
