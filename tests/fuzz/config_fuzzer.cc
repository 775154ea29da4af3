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

void run(engine::Bytes input) {
    const std::string_view text(reinterpret_cast<const char*>(input.data()), input.size());
    broker::ConfigInputs as_file;
    as_file.file = file_with(text);
    check_loaded(as_file);
    // Its lines, as words of a command line and of an environment; neither holds a zero byte.
    const std::string line(text.substr(0, std::min(text.find('\n'), text.find('\0'))));
    broker::ConfigInputs as_word;
    as_word.assignments = {line};
    as_word.working_directory = "/";
    check_loaded(as_word);
    const auto variable = "MILLRACE__" + line;
    const char* const environment[] = {variable.c_str(), nullptr};
    broker::ConfigInputs as_variable;
    as_variable.environment = environment;
    check_loaded(as_variable);
}

std::vector<Input> seeds() {
    std::vector<Input> all;
    for (const std::string_view text : {
                 "node.data_dir = \"/data\"\nmemory.total = \"512 MiB\"\n",
                 "[node]\nshards = 2\ndata_dir = \"data\"\n[engine]\nio = \"threads\"\n"
                 "[log]\nlevel = \"warn\"\n[http]\nbind = \"off\"\n",
                 "[listener.client]\nbind = \"127.0.0.1:9192\"\nadvertise = \"[::1]:9192\"\n"
                 "[listener.other]\nbind = \"unix:/run/x\"\n[security]\n"
                 "allow_unauthenticated = true\n",
                 "[topic]\nmax_message_bytes = \"2 MiB\"\nsegment_ms = \"7 d\"\n"
                 "[network]\nrequest_bytes_max = \"4MiB\"\n",
                 "NODE__SHARDS=3",
                 "LISTENER__CLIENT__BIND=127.0.0.1:1",
                 "shards = 2\n[nodes]\nx = 1.5\ny = [1, 2]\nz = 1979-05-27\n[listener]\n",
                 "[node]\ndata_dir = 3\nshards = \"two\"\n[memory]\ntotal = 5\n",
         }) {
        all.push_back(to_input(std::as_bytes(std::span(text))));
    }
    return all;
}

}  // namespace

Fuzzer config_fuzzer() {
    return {.name = "config", .run = run, .seeds = seeds};
}

}  // namespace millrace::fuzz
