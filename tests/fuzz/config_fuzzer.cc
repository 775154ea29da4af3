// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A configuration: as a file, as --set and in the environment. Either settings come of it or
// sentences that begin with a place.
#include "broker/config/config_document.h"
#include "broker/config/config_loader.h"
#include "engine/assert.h"
#include "tests/fuzz/fuzzer.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <sys/mman.h>
#include <unistd.h>

namespace millrace::fuzz {

namespace {

enum class Way : std::uint8_t { file = 'f', word = 'w', variable = 'v', directory = 'd' };

// A file in memory with that content.
std::filesystem::path file_with(std::string_view text) {
    static const int descriptor = memfd_create("millraced.toml", MFD_CLOEXEC);
    ASSERT(descriptor >= 0 && ftruncate(descriptor, 0) == 0);
    ASSERT(pwrite(descriptor, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
    static const std::filesystem::path path = fmt::format("/proc/self/fd/{}", descriptor);
    return path;
}

void check_loaded(const broker::ConfigInputs& inputs) {
    const broker::Machine machine{
            .cores = 2, .memory_bytes = 1U << 30, .state_directory = "/var/lib"};
    const auto options = broker::load_config(inputs, machine);
    if (options) {
        ASSERT(!options->listeners.empty() && options->shards >= 1);
        ASSERT(options->data_directory.is_absolute());
        return;
    }
    ASSERT(!options.error().empty());
    for (const auto& sentence : options.error())
        ASSERT(sentence.find(": ") != std::string::npos);
}

// The first byte says how the others come in. Neither a command line nor an environment holds a
// zero byte.
void run(engine::Bytes input) {
    if (input.empty()) return;
    std::string text(reinterpret_cast<const char*>(input.data() + 1), input.size() - 1);
    broker::ConfigInputs inputs;
    const auto way = static_cast<Way>(input[0]);
    if (way != Way::file) text = text.substr(0, text.find('\0'));
    if (way == Way::variable) text = "MILLRACE__" + text;
    const char* const environment[] = {text.c_str(), nullptr};
    switch (way) {
        case Way::word:
            inputs.assignments = {text};
            inputs.working_directory = "/";
            break;
        case Way::variable:
            inputs.environment = environment;
            break;
        case Way::directory:
            inputs.data_directory = text;
            inputs.working_directory = "/";
            break;
        case Way::file:
        default:
            inputs.file = file_with(text);
    }
    check_loaded(inputs);
}

std::vector<Input> seeds() {
    std::vector<Input> all;
    for (const std::string_view text : {
                 "fnode.data_dir = \"/data\"\nmemory.total = \"1.5 GiB\"\n",
                 "f[node]\nshards = 2\ndata_dir = \"data\"\n[engine]\nio = \"threads\"\n"
                 "[log]\nlevel = \"warn\"\n[http]\nbind = \"off\"\n",
                 "f[listener.client]\nbind = \"127.0.0.1:9192\"\nadvertise = \"[::1]:9192\"\n"
                 "[listener.other]\nbind = \"unix:/run/x\"\n[security]\n"
                 "allow_unauthenticated = true\n",
                 "f[topic]\nmax_message_bytes = \"2 MiB\"\nsegment_ms = \"7 d\"\n"
                 "[network]\nrequest_bytes_max = \"4MiB\"\n",
                 "vNODE__SHARDS=3",
                 "wlistener.client.bind=127.0.0.1:1",
                 "wnode.data_dir=data",
                 "wnetwork.bytes_in_flight_max=2MiB",
                 "vNODE__DATA_DIR=data",
                 "ddata/",
                 "f[listener.local]\nbind = \"x\"\n[listener.http]\nbind = \"x\"\n[listener.A]\n"
                 "bind = \"x\"\n[listener.b]\nadvertise = \"h:0\"\n",
                 "fshards = 2\n[nodes]\nx = 1.5\ny = [1, 2]\nz = 1979-05-27\n[listener]\n",
                 "f[node]\ndata_dir = 3\nshards = \"two\"\n[memory]\ntotal = 5\n",
         }) {
        all.push_back(to_input(std::as_bytes(std::span(text))));
    }
    return all;
}

const Registration kRegistration({{.name = "config", .run = run, .seeds = seeds}});

}  // namespace

}  // namespace millrace::fuzz
