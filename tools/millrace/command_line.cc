// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/command_line.h"

#include "millrace/version.h"
#include "tools/millrace/bench_command.h"
#include "tools/millrace/cluster_command.h"
#include "tools/millrace/config_command.h"
#include "tools/millrace/config_explain.h"
#include "tools/millrace/consume_command.h"
#include "tools/millrace/context.h"
#include "tools/millrace/position_text.h"
#include "tools/millrace/produce_command.h"
#include "tools/millrace/quantity.h"
#include "tools/millrace/segment_command.h"
#include "tools/millrace/segment_dump.h"
#include "tools/millrace/topic_command.h"
#include "tools/millrace/unknown_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <memory>

namespace millrace::cli {

namespace {

const std::map<std::string, OutputFormat> kOutputs = {{"table", OutputFormat::table},
                                                      {"json", OutputFormat::json},
                                                      {"jsonl", OutputFormat::jsonl}};
const std::map<std::string, Compression> kCodecs = {{"none", Compression::none},
                                                    {"gzip", Compression::gzip},
                                                    {"snappy", Compression::snappy},
                                                    {"lz4", Compression::lz4},
                                                    {"zstd", Compression::zstd}};
const std::map<std::string, Acks> kAcks = {
        {"0", Acks::none}, {"1", Acks::one}, {"all", Acks::all}, {"-1", Acks::all}};

// What is being parsed: the options common to all, and the command that will run.
struct Invocation {
    Context context;
    std::function<ExitCode()> run;
};

// Options live as long as the command tree that refers to them.
template <class Options>
std::shared_ptr<Options> options_of(CLI::App* command,
                                    Invocation& invocation,
                                    ExitCode (*run)(const Context&, const Options&)) {
    auto options = std::make_shared<Options>();
    command->callback([&invocation, options, run] {
        invocation.run = [&invocation, options, run] { return run(invocation.context, *options); };
    });
    return options;
}

// An option whose text is parsed by `parse`; a text it does not take is a usage error.
template <class Value, class Parse>
CLI::Option* add_parsed(CLI::App* command,
                        const std::string& names,
                        Value& to,
                        Parse parse,
                        const std::string& form,
                        const std::string& help) {
    return command
            ->add_option_function<std::string>(
                    names,
                    [&to, parse, names, form](const std::string& text) {
                        const auto value = parse(text);
                        if (!value) {
                            throw CLI::ValidationError(names,
                                                       fmt::format("'{}' is not {}", text, form));
                        }
                        to = *value;
                    },
                    help)
            ->type_name("");
}

template <class Value>
auto one_of(const std::map<std::string, Value>& known) {
    return [&known](const std::string& text) -> std::optional<Value> {
        const auto found = known.find(text);
        return found == known.end() ? std::nullopt : std::optional(found->second);
    };
}

CLI::Option* add_list(CLI::App* command,
                      const std::string& names,
                      std::vector<std::string>& to,
                      const std::string& help) {
    return command->add_option(names, to, help)
            ->type_size(1)
            ->allow_extra_args(false)
            ->type_name("");
}

void add_common(CLI::App& root, Context& context) {
    root.add_option(
                "-s,--server,--bootstrap-server", context.server, "Broker: HOST:PORT or unix:PATH")
            ->envname("MILLRACE_SERVER")
            ->capture_default_str()
            ->type_name("");
    add_parsed(&root,
               "-o,--output",
               context.output,
               one_of(kOutputs),
               "table, json or jsonl",
               "table, json or jsonl");
}

void add_topic_create(CLI::App* topic, Invocation& invocation) {
    auto* command = topic->add_subcommand("create", "Make a topic");
    auto options = options_of<TopicCreateOptions>(command, invocation, create_topic);
    command->add_option("TOPIC", options->topic, "Its name")->required()->type_name("");
    command->add_option("-p,--partitions", options->partitions, "How many partitions")
            ->check(CLI::PositiveNumber)
            ->type_name("");
    add_list(command, "-c,--config", options->config, "KEY=VALUE, may be repeated");
    command->add_flag("--if-not-exists", options->if_not_exists, "No error when it exists");
}

void add_topic_alter(CLI::App* topic, Invocation& invocation) {
    auto* command = topic->add_subcommand("alter", "Change settings or add partitions");
    auto options = options_of<TopicAlterOptions>(command, invocation, alter_topic);
    command->add_option("TOPIC", options->topic, "Its name")->required()->type_name("");
    command->add_option("-p,--partitions", options->partitions, "The new number of partitions")
            ->check(CLI::PositiveNumber)
            ->type_name("");
    add_list(command, "-c,--config", options->config, "KEY=VALUE, may be repeated");
    add_list(command, "--unset", options->unset, "KEY back to its default");
}

// A command of one topic and nothing else.
void add_of_topic(CLI::App* parent,
                  Invocation& invocation,
                  const std::string& name,
                  const std::string& help,
                  ExitCode (*run)(const Context&, const std::string&)) {
    auto* command = parent->add_subcommand(name, help);
    auto topic = options_of<std::string>(command, invocation, run);
    command->add_option("TOPIC", *topic, "Its name")->required()->type_name("");
    if (name == "get") command->alias("describe");
}

void add_topic(CLI::App& root, Invocation& invocation) {
    auto* topic = root.add_subcommand("topic", "Topics: create, list, get, alter, delete, offsets");
    topic->alias("topics")->require_subcommand(1);
    add_topic_create(topic, invocation);
    topic->add_subcommand("list", "All topics")->callback([&invocation] {
        invocation.run = [&invocation] { return list_topics(invocation.context); };
    });
    add_of_topic(topic, invocation, "get", "Partitions, offsets and settings", get_topic);
    add_topic_alter(topic, invocation);
    auto* remove = topic->add_subcommand("delete", "Delete topics with all their records");
    auto options = options_of<TopicDeleteOptions>(remove, invocation, delete_topics);
    remove->add_option("TOPIC", options->topics, "Names")->required()->type_name("");
    remove->add_flag("-y,--yes", options->yes, "Do not ask");
    add_of_topic(
            topic, invocation, "offsets", "Where each partition starts and ends", show_offsets);
}

void add_produce(CLI::App& root, Invocation& invocation) {
    auto* command = root.add_subcommand("produce", "Send lines of a file or of standard input");
    auto options = options_of<ProduceOptions>(command, invocation, produce);
    command->add_option("TOPIC", options->topic, "Where to")->required()->type_name("");
    command->add_option("FILE", options->file, "File of lines; - is standard input")
            ->capture_default_str()
            ->type_name("");
    command->add_option("-p,--partition", options->partition, "This partition")->type_name("");
    auto* separator = command->add_option(
            "-K,--key-separator", options->key_separator, "Key and value are parted by this");
    separator->type_name("");
    auto* key = command->add_option("-k,--key", options->key, "Key of every record");
    key->excludes(separator)->type_name("");
    command->add_flag("--jsonl",
                      options->json_lines,
                      "Lines are records as `consume -o jsonl` writes them")
            ->excludes(separator)
            ->excludes(key);
    add_list(command, "-H,--header", options->headers, "K=V, may be repeated");
    add_parsed(command,
               "-z,--compression",
               options->compression,
               one_of(kCodecs),
               "none, gzip, snappy, lz4 or zstd",
               "none, gzip, snappy, lz4 or zstd");
    add_parsed(command, "--acks", options->acks, one_of(kAcks), "0, 1 or all", "0, 1 or all");
    add_parsed(command,
               "--rate",
               options->rate,
               parse_rate,
               "a rate such as 5k/s",
               "Records a second, such as 5k/s");
    add_parsed(command,
               "--delivery-timeout",
               options->delivery_timeout,
               parse_duration,
               "a duration such as 30s",
               "How long a record may take, such as 30s");
}

CLI::Option* add_format(CLI::App* command, RecordFormat& format) {
    std::string wrong;
    format = RecordFormat::parse("%v\\n", wrong).value_or(RecordFormat());
    return add_parsed(
            command,
            "-f,--format",
            format,
            [](const std::string& text) {
                std::string unknown;
                return RecordFormat::parse(text, unknown);
            },
            "a format of %t %p %o %k %v %T %h %% \\n \\t",
            "%t topic, %p partition, %o offset, %k key, %v value, %T timestamp, %h headers");
}

void add_filter(CLI::App* command, std::shared_ptr<const RecordFilter>& filter) {
    command->add_option_function<std::string>(
                   "--grep",
                   [&filter](const std::string& pattern) {
                       std::string wrong;
                       filter = RecordFilter::parse(pattern, wrong);
                       if (filter != nullptr) return;
                       throw CLI::ValidationError(
                               "--grep",
                               fmt::format("'{}' is no regular expression: {}", pattern, wrong));
                   },
                   "Only records whose key or value matches (RE2's regular expressions)")
            ->type_name("");
}

void add_consume(CLI::App& root, Invocation& invocation) {
    auto* command = root.add_subcommand("consume", "Print records, and follow");
    auto options = options_of<ConsumeOptions>(command, invocation, consume);
    command->add_option("TOPIC", options->topics, "Where from, one or more")
            ->required()
            ->type_name("");
    add_parsed(command,
               "--from,--offset",
               options->from,
               parse_position,
               "start, end, N, -N or @time",
               "start, end, an offset, -N before the end, or @time (default: start)");
    command->add_option("-p,--partition", options->partition, "Only this partition")->type_name("");
    add_parsed(command, "-n,--count", options->count, parse_count, "a number", "Stop after N");
    command->add_flag("-e,--exit-at-end", options->stop_at_end, "Stop at the present end");
    add_filter(command, options->filter);
    add_format(command, options->format);
}

void add_config(CLI::App& root, Invocation& invocation) {
    auto* config = root.add_subcommand("config",
                                       "Settings of topics and of the broker: get, set, explain");
    config->require_subcommand(1);
    auto* get = config->add_subcommand("get", "Settings of a topic, or of the broker without one");
    get->alias("describe");
    auto wanted = options_of<ConfigGetOptions>(get, invocation, get_config);
    get->add_option("TOPIC", wanted->topic, "A topic")->type_name("");
    get->add_option("KEY", wanted->keys, "Only these")->type_name("");
    auto* set = config->add_subcommand("set", "Change settings of a topic while it lives");
    auto changes = options_of<ConfigSetOptions>(set, invocation, set_config);
    set->add_option("TOPIC", changes->topic, "A topic")->required()->type_name("");
    set->add_option("SETTING", changes->settings, "KEY=VALUE")->type_name("");
    add_list(set, "--unset", changes->unset, "KEY back to its default");
    auto* explain = config->add_subcommand("explain", "All there is to know about a setting");
    auto setting = options_of<ConfigExplainOptions>(explain, invocation, explain_config);
    explain->add_option("KEY", setting->key, "Its name")->required()->type_name("");
    explain->add_option("TOPIC", setting->topic, "Whose value to show")->type_name("");
}

void add_bench(CLI::App& root, Invocation& invocation) {
    auto* bench = root.add_subcommand("bench", "Measure: produce, consume");
    bench->require_subcommand(1);
    auto* write = bench->add_subcommand("produce", "Send records as fast as they are taken");
    auto produced = options_of<BenchProduceOptions>(write, invocation, bench_produce);
    write->add_option("TOPIC", produced->topic, "Where to")->required()->type_name("");
    add_parsed(write, "--records", produced->records, parse_count, "a number", "How many (1M)");
    add_parsed(write, "--size", produced->size, parse_count, "a size", "Of each value (1KiB)");
    add_parsed(write, "--rate", produced->rate, parse_rate, "a rate", "Such as 5k/s");
    add_parsed(write,
               "--batch-bytes",
               produced->batch_bytes,
               parse_count,
               "a size",
               "Of a batch, at most (256KiB)");
    add_parsed(write, "--linger", produced->linger, parse_duration, "a duration", "Such as 5ms");
    add_parsed(write,
               "-z,--compression",
               produced->compression,
               one_of(kCodecs),
               "none, gzip, snappy, lz4 or zstd",
               "none, gzip, snappy, lz4 or zstd");
    add_parsed(write, "--acks", produced->acks, one_of(kAcks), "0, 1 or all", "0, 1 or all");
    auto* read = bench->add_subcommand("consume", "Read a topic from its start");
    auto consumed = options_of<BenchConsumeOptions>(read, invocation, bench_consume);
    read->add_option("TOPIC", consumed->topic, "Where from")->required()->type_name("");
    add_parsed(read, "--records", consumed->records, parse_count, "a number", "Stop after N");
}

// A segment command of one path and nothing else.
void add_of_path(CLI::App* parent,
                 Invocation& invocation,
                 const std::string& name,
                 const std::string& help,
                 ExitCode (*run)(const Context&, const std::string&)) {
    auto* command = parent->add_subcommand(name, help);
    auto path = options_of<std::string>(command, invocation, run);
    command->add_option("PATH", *path, "Data directory, partition's folder or .log file")
            ->required()
            ->type_name("");
}

void add_segment(CLI::App& root, Invocation& invocation) {
    auto* segment =
            root.add_subcommand("segment", "Segment files without a broker: dump, verify, index");
    segment->require_subcommand(1);
    auto* dump = segment->add_subcommand("dump", "Batches, or their records");
    auto options = options_of<SegmentDumpOptions>(dump, invocation, dump_segments);
    dump->add_option("PATH", options->path, "Data directory, partition's folder or .log file")
            ->required()
            ->type_name("");
    auto* records = dump->add_flag("--records", options->records, "Records instead of batches");
    add_format(dump, options->format)->needs(records);
    add_of_path(segment,
                invocation,
                "verify",
                "Check every batch and index entry, and say what is damaged",
                verify_segments);
    add_of_path(segment, invocation, "index", "Entries of both indexes", show_indexes);
}

void add_cluster(CLI::App& root, Invocation& invocation) {
    auto* cluster = root.add_subcommand("cluster", "The broker and what it serves: info");
    cluster->require_subcommand(1);
    cluster->add_subcommand("info", "Identity, broker, counts")->callback([&invocation] {
        invocation.run = [&invocation] { return show_cluster(invocation.context); };
    });
}

// Errors of words that could not be parsed are printed as the command would have printed them.
void guess_output(Context& context, int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
        std::string_view word = argv[i];
        if ((word == "-o" || word == "--output") && i + 1 < argc) {
            word = argv[++i];
        } else if (word.starts_with("--output=")) {
            word.remove_prefix(std::string_view("--output=").size());
        } else if (word.starts_with("-o")) {
            word.remove_prefix(2);
        } else {
            continue;
        }
        const auto found = kOutputs.find(std::string(word));
        if (found != kOutputs.end()) context.output = found->second;
    }
}

}  // namespace

ExitCode run_command_line(int argc, char** argv) {
    Invocation invocation;
    CLI::App root("millrace: topics and records of a Millrace broker", "millrace");
    root.fallthrough();
    root.require_subcommand(1);
    root.set_version_flag("--version", std::string("millrace ") + version());
    root.footer(
            "Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 exists, 5 denied,\n"
            "6 unreachable or timed out, 7 conflict, 8 partly done, 130 interrupted.");
    add_common(root, invocation.context);
    add_topic(root, invocation);
    add_produce(root, invocation);
    add_consume(root, invocation);
    add_cluster(root, invocation);
    add_config(root, invocation);
    add_bench(root, invocation);
    add_segment(root, invocation);
    guess_output(invocation.context, argc, argv);
    if (const auto unknown = unknown_command(root, argc, argv))
        return fail_usage(invocation.context, *unknown);
    try {
        root.parse(argc, argv);
    } catch (const CLI::Success& asked) {
        return root.exit(asked) == 0 ? ExitCode::ok : ExitCode::failed;
    } catch (const CLI::ParseError& error) {
        return fail_usage(invocation.context,
                          std::string(error.what()) + ". Help: millrace --help");
    }
    return invocation.run();
}

}  // namespace millrace::cli
