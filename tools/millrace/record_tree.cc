// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/record_tree.h"

#include "tools/millrace/bench_command.h"
#include "tools/millrace/consume_command.h"
#include "tools/millrace/position_text.h"
#include "tools/millrace/produce_command.h"
#include "tools/millrace/quantity.h"
#include "tools/millrace/segment_command.h"
#include "tools/millrace/segment_dump.h"

namespace millrace::cli {

namespace {

const Choices<Compression> kCodecs = {{"none", Compression::none},
                                      {"gzip", Compression::gzip},
                                      {"snappy", Compression::snappy},
                                      {"lz4", Compression::lz4},
                                      {"zstd", Compression::zstd}};
const Choices<Acks> kAcks = {
        {"0", Acks::none}, {"1", Acks::one}, {"all", Acks::all}, {"-1", Acks::all}};

void add_codec(CLI::App* command, Invocation& invocation, Compression& to) {
    add_choice(command, invocation, "-z,--compression", "CODEC", to, kCodecs);
}

void add_acks(CLI::App* command, Invocation& invocation, Acks& to) {
    add_choice(command, invocation, "--acks", "ACKS", to, kAcks);
}

CLI::Option* add_rate(CLI::App* command, std::uint64_t& to) {
    return add_parsed(command,
                      "--rate",
                      "N/s",
                      to,
                      parse_rate,
                      "a rate such as 5k/s",
                      "Records a second, such as 5k/s");
}

// Keys: all the same, out of the lines, or out of JSON.
void add_keys(CLI::App* command, ProduceOptions& options) {
    auto* separator = add_value(command,
                                "-K,--key-separator",
                                "TEXT",
                                options.key_separator,
                                "Key and value are parted by this");
    auto* key = add_value(command, "-k,--key", "KEY", options.key, "Key of every record");
    key->excludes(separator);
    command->add_flag("--jsonl",
                      options.json_lines,
                      "Lines are records as `consume -o jsonl` writes them")
            ->excludes(separator)
            ->excludes(key);
}

CLI::Option* add_format(CLI::App* command, RecordFormat& format) {
    std::string wrong;
    format = RecordFormat::parse("%v\\n", wrong).value_or(RecordFormat());
    return add_parsed(
            command,
            "-f,--format",
            "FORMAT",
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
            ->type_name("REGEX");
}

// What both loads of a benchmark have in common.
std::shared_ptr<BenchLoadOptions> add_load(CLI::App* command,
                                           Invocation& invocation,
                                           ExitCode (*run)(const Session&,
                                                           const BenchLoadOptions&)) {
    auto options = options_of<BenchLoadOptions>(command, invocation, run);
    add_topic_name(command, invocation, options->topic, "Where to")->required();
    add_parsed(command,
               "--size",
               "SIZE",
               options->size,
               parse_count,
               "a size",
               "Of each value (1KiB)");
    add_parsed(command,
               "--batch-bytes",
               "SIZE",
               options->batch_bytes,
               parse_count,
               "a size",
               "Of a batch, at most (256KiB)");
    add_parsed(command,
               "--linger",
               "TIME",
               options->linger,
               parse_duration,
               "a duration",
               "How long a batch waits for more records, such as 5ms");
    add_codec(command, invocation, options->compression);
    add_acks(command, invocation, options->acks);
    return options;
}

void add_bench_produce(CLI::App* bench, Invocation& invocation) {
    auto* command = bench->add_subcommand("produce",
                                          "Send records, at a rate or as fast as they are taken");
    const auto options = add_load(command, invocation, bench_produce);
    add_parsed(
            command, "--records", "N", options->records, parse_count, "a number", "How many (1M)");
    add_rate(command, options->rate);
}

void add_bench_end_to_end(CLI::App* bench, Invocation& invocation) {
    auto* command =
            bench->add_subcommand("e2e", "Send records at a rate, and wait for each to come back");
    const auto options = add_load(command, invocation, bench_end_to_end);
    options->records = 10'000;
    options->rate = 1000;
    add_parsed(
            command, "--records", "N", options->records, parse_count, "a number", "How many (10k)");
    add_rate(command, options->rate);
}

CLI::Option* add_path(CLI::App* command, Invocation& invocation, std::string& to) {
    return add_positional(command,
                          invocation,
                          "PATH",
                          ValueKind::file,
                          to,
                          "Data directory, partition's folder or .log file")
            ->required();
}

// A segment command of one path and nothing else.
void add_of_path(CLI::App* parent,
                 Invocation& invocation,
                 const std::string& name,
                 const std::string& help,
                 ExitCode (*run)(const Session&, const std::string&)) {
    auto* command = parent->add_subcommand(name, help);
    auto path = options_of<std::string>(command, invocation, run);
    add_path(command, invocation, *path);
}

}  // namespace

void add_produce(CLI::App& root, Invocation& invocation) {
    auto* command = root.add_subcommand("produce", "Send lines of a file or of standard input");
    auto options = options_of<ProduceOptions>(command, invocation, produce);
    auto* topic = add_topic_name(command, invocation, options->topic, "Where to");
    add_positional(command,
                   invocation,
                   "FILE",
                   ValueKind::file,
                   options->file,
                   "File of lines; - is standard input")
            ->capture_default_str();
    auto* partition =
            add_value(command, "-p,--partition", "N", options->partition, "This partition");
    auto* expected = add_value(command,
                               "--expect-offset",
                               "N",
                               options->expect_offset,
                               "Store only if the partition ends at this offset, else exit 7")
                             ->needs(partition)
                             ->check(CLI::NonNegativeNumber);
    add_keys(command, *options);
    add_list(command, "-H,--header", "K=V", options->headers, "A header, may be repeated");
    add_codec(command, invocation, options->compression);
    add_acks(command, invocation, options->acks);
    add_rate(command, options->rate)->excludes(expected);
    add_parsed(command,
               "--delivery-timeout",
               "TIME",
               options->delivery_timeout,
               parse_duration,
               "a duration such as 30s",
               "How long a record may take, such as 30s");
    auto* atomic =
            add_value(command,
                      "--atomic",
                      "FILE",
                      options->atomic_file,
                      "Store all of its lines {\"topic\",\"partition\",\"key\",\"value\"} or none");
    atomic->excludes(topic)->excludes(expected);
    invocation.notes[atomic].kind = ValueKind::file;
}

void add_consume(CLI::App& root, Invocation& invocation) {
    auto* command = root.add_subcommand("consume", "Print records, and follow");
    auto options = options_of<ConsumeOptions>(command, invocation, consume);
    add_topic_name(command, invocation, options->topics, "Where from, one or more")->required();
    auto* from = add_parsed(command,
                            "--from,--offset",
                            "POSITION",
                            options->from,
                            parse_position,
                            "start, end, N, -N or @time",
                            "start, end, an offset, -N before the end, or @time (default: start)");
    invocation.notes[from].choices = {"start", "end"};
    add_value(command, "-p,--partition", "N", options->partition, "Only this partition");
    add_parsed(command, "-n,--count", "N", options->count, parse_count, "a number", "Stop after N");
    command->add_flag("-e,--exit-at-end", options->stop_at_end, "Stop at the present end");
    add_filter(command, options->filter);
    add_format(command, options->format);
}

void add_bench(CLI::App& root, Invocation& invocation) {
    auto* bench = root.add_subcommand("bench", "Measure: produce, consume, e2e");
    bench->require_subcommand(1);
    add_bench_produce(bench, invocation);
    auto* read = bench->add_subcommand("consume", "Read a topic from its start");
    auto options = options_of<BenchConsumeOptions>(read, invocation, bench_consume);
    add_topic_name(read, invocation, options->topic, "Where from")->required();
    add_parsed(read, "--records", "N", options->records, parse_count, "a number", "Stop after N");
    add_bench_end_to_end(bench, invocation);
}

void add_segment(CLI::App& root, Invocation& invocation) {
    auto* segment =
            root.add_subcommand("segment", "Segment files without a broker: dump, verify, index");
    segment->require_subcommand(1);
    auto* dump = segment->add_subcommand("dump", "Batches, or their records");
    auto options = options_of<SegmentDumpOptions>(dump, invocation, dump_segments);
    add_path(dump, invocation, options->path);
    auto* records = dump->add_flag("--records", options->records, "Records instead of batches");
    add_format(dump, options->format)->needs(records);
    add_of_path(segment,
                invocation,
                "verify",
                "Check every batch and index entry, and say what is damaged",
                verify_segments);
    add_of_path(segment, invocation, "index", "Entries of both indexes", show_indexes);
}

}  // namespace millrace::cli
