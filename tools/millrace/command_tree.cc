// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/command_tree.h"

#include "millrace/version.h"
#include "tools/millrace/completion_script.h"
#include "tools/millrace/context_command.h"
#include "tools/millrace/record_tree.h"
#include "tools/millrace/topic_tree.h"
#include "tools/millrace/tree_parts.h"

namespace millrace::cli {

struct CommandTree::Parser {
    CLI::App root{"Topics and records of a Millrace broker", "millrace"};
    Invocation invocation;
};

namespace {

void add_common(CLI::App& root, Invocation& invocation, CommonOptions& common) {
    auto* server = add_value(&root,
                             "-s,--server,--bootstrap-server",
                             "ADDRESS",
                             common.server,
                             fmt::format("Broker: HOST:PORT or unix:PATH (${})", kServerVariable));
    invocation.notes[server].environment = kServerVariable;
    auto* context = add_value(
            &root,
            "--context",
            "NAME",
            common.context,
            fmt::format("Broker by a name of `millrace context` (${})", kContextVariable));
    invocation.notes[context] = {ValueKind::context, {}, kContextVariable};
    add_choice(&root, invocation, "-o,--output", "FORMAT", common.output, kOutputFormats);
}

// A command of one context, whose server and output the common options may say.
template <class Run>
CLI::Option* add_of_context(CLI::App* parent,
                            Invocation& invocation,
                            const std::string& name,
                            ValueKind kind,
                            const std::string& help,
                            Run run) {
    auto* command = parent->add_subcommand(name, help);
    auto context = std::make_shared<std::string>();
    command->callback([&invocation, context, run] {
        invocation.without_context = true;
        invocation.run = [context, run](const Session& session) { return run(session, *context); };
    });
    return add_positional(command, invocation, "NAME", kind, *context, "Its name");
}

void add_context(CLI::App& root, Invocation& invocation, const CommonOptions& common) {
    auto* context = root.add_subcommand("context", "Brokers by name: add, use, list, show, delete");
    context->require_subcommand(1);
    add_of_context(context,
                   invocation,
                   "add",
                   ValueKind::free,
                   "Give a name to the broker of --server, and to an --output",
                   [&common](const Session& session, const std::string& name) {
                       return add_context(session, name, common);
                   })
            ->required();
    add_of_context(context,
                   invocation,
                   "use",
                   ValueKind::context,
                   "From now on where nothing else is said",
                   use_context)
            ->required();
    context->add_subcommand("list", "All contexts")->callback([&invocation] {
        invocation.without_context = true;
        invocation.run = list_contexts;
    });
    add_of_context(context,
                   invocation,
                   "show",
                   ValueKind::context,
                   "One context; without a name, the one that counts now",
                   [&common](const Session& session, const std::string& name) {
                       return show_context(session, name, common);
                   });
    add_of_context(
            context, invocation, "delete", ValueKind::context, "Forget a context", delete_context)
            ->required();
    // After its commands, which would have it otherwise.
    context->footer(fmt::format(
            "A command speaks to the first of these that is given: --server, --context,\n"
            "${}, ${}, the context in use. Contexts are kept in\n"
            "$XDG_CONFIG_HOME/millrace/contexts.toml, or below ~/.config.",
            kServerVariable,
            kContextVariable));
}

void add_completion(CLI::App& root, Invocation& invocation) {
    auto* command = root.add_subcommand("completion", "Script that lets a shell complete the line");
    auto shell = std::make_shared<Shell>();
    command->callback([&invocation, shell] {
        invocation.without_context = true;
        invocation.run = [shell](const Session& session) {
            return print_completion(session, *shell);
        };
    });
    add_choice(command, invocation, "SHELL", "", *shell, kShells)->required();
    command->footer(
            "In bash:  source <(millrace completion bash)\n"
            "In zsh:   source <(millrace completion zsh)\n"
            "In fish:  millrace completion fish | source");
}

std::string exit_codes_text() {
    constexpr std::size_t kColumnsMax = 80;
    std::string text = "Exit codes:";
    std::size_t line_begin = 0;
    for (const auto& [code, meaning] : kExitMeanings) {
        const bool last = code == std::end(kExitMeanings)[-1].code;
        const auto part = fmt::format("{} {}{}", static_cast<int>(code), meaning, last ? "." : ",");
        const bool full = text.size() - line_begin + part.size() >= kColumnsMax;
        text += full ? '\n' : ' ';
        if (full) line_begin = text.size();
        text += part;
    }
    return text;
}

OptionOutline outline_of(const CLI::Option& option, const Invocation& invocation) {
    OptionOutline outline;
    for (const auto& name : option.get_snames())
        outline.names.push_back("-" + name);
    for (const auto& name : option.get_lnames())
        outline.names.push_back("--" + name);
    if (option.get_positional()) {
        outline.value = option.get_name(true);
    } else if (option.get_items_expected_max() > 0) {
        outline.value = option.get_type_name();
    }
    outline.help = option.get_description();
    outline.default_value = option.get_default_str();
    outline.required = option.get_required();
    outline.repeated = option.get_expected_max() >= CLI::detail::expected_max_vector_size;
    for (const auto* other : option.get_excludes())
        outline.excludes.push_back(other->get_name());
    const auto notes = invocation.notes.find(&option);
    if (notes != invocation.notes.end()) {
        outline.kind = notes->second.kind;
        outline.choices = notes->second.choices;
        outline.environment = notes->second.environment;
    }
    return outline;
}

CommandOutline outline_of(const CLI::App& command, const Invocation& invocation) {
    CommandOutline outline;
    outline.name = command.get_name();
    outline.aliases = command.get_aliases();
    outline.help = command.get_description();
    outline.footer = command.get_footer();
    for (const auto* option : command.get_options()) {
        if (option->get_group().empty()) continue;
        auto& options = option->get_positional() ? outline.positionals : outline.options;
        options.push_back(outline_of(*option, invocation));
    }
    const auto all = [](const CLI::App*) { return true; };
    for (const auto* child : command.get_subcommands(all))
        outline.commands.push_back(outline_of(*child, invocation));
    return outline;
}

}  // namespace

CommandTree::CommandTree() : parser_(std::make_unique<Parser>()) {
    auto& [root, invocation] = *parser_;
    root.fallthrough();
    root.require_subcommand(1);
    root.set_version_flag("--version", std::string("millrace ") + version());
    root.footer(exit_codes_text());
    add_common(root, invocation, common_);
    add_topic(root, invocation);
    add_produce(root, invocation);
    add_consume(root, invocation);
    add_cluster(root, invocation);
    add_config(root, invocation);
    add_bench(root, invocation);
    add_segment(root, invocation);
    add_context(root, invocation, common_);
    add_completion(root, invocation);
    outline_ = outline_of(root, invocation);
}

CommandTree::~CommandTree() = default;

std::optional<NotRun> CommandTree::parse(int argc, char** argv) {
    auto& root = parser_->root;
    try {
        root.parse(argc, argv);
    } catch (const CLI::Success& asked) {
        return NotRun{root.exit(asked) == 0 ? ExitCode::ok : ExitCode::failed, {}};
    } catch (const CLI::ParseError& error) {
        return NotRun{ExitCode::usage, error.what()};
    }
    return std::nullopt;
}

bool CommandTree::runs_without_context() const {
    return parser_->invocation.without_context;
}

ExitCode CommandTree::run(const Session& session) const {
    return parser_->invocation.run(session);
}

}  // namespace millrace::cli
