// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/completion_script.h"

#include <string_view>

namespace millrace::cli {

namespace {

constexpr std::string_view kBash =
        R"(# Completion of millrace for bash: source <(millrace completion bash)

_millrace() {
    local words=() rest=$COMP_LINE blank word glued i files=
    # Bash parts words at "=" and ":", too. Those with no blank in between are one word again.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        blank=${rest%%[![:blank:]]*}
        rest=${rest#"$blank"}
        glued=
        if [[ -n $word && $rest == "$word"* ]]; then
            [[ $i -eq 0 || -n $blank ]] || glued=yes
            rest=${rest#"$word"}
        fi
        word=${word//[\"\'\\]/}
        if [[ -n $glued ]]; then
            words[${#words[@]} - 1]+=$word
        else
            words+=("$word")
        fi
    done
    # An alias is no program.
    local program=${COMP_WORDS[0]/#\~/$HOME}
    type -P "$program" >/dev/null || program=millrace
    # Only what follows the last "=" or ":" is replaced.
    local current=${words[${#words[@]} - 1]} part=$word line
    [[ $part == *[!=:]* ]] || part=
    local kept=${current%"$part"}
    COMPREPLY=()
    while IFS= read -r line; do
        if [[ $line == :files ]]; then
            files=yes
        else
            line=${line%%$'\t'*}
            COMPREPLY+=("${line#"$kept"}")
        fi
    done < <("$program" __complete -- "${words[@]:1}" 2>/dev/null)
    if [[ -n $files ]]; then
        compopt -o filenames 2>/dev/null
        while IFS= read -r line; do
            COMPREPLY+=("${line#"$kept"}")
        done < <(compgen -f -- "$current")
    fi
}

complete -F _millrace millrace
)";

constexpr std::string_view kZsh = R"(#compdef millrace
# Completion of millrace for zsh: source <(millrace completion zsh)
# or, as a file named _millrace, in a folder of $fpath.

_millrace() {
    local line word help files
    local -a answer candidates shown
    answer=("${(@f)$("${(Q)words[1]/#\~/$HOME}" __complete -- \
            "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
    for line in "${(@)answer}"; do
        [[ -n $line ]] || continue
        if [[ $line == :files ]]; then
            files=yes
            continue
        fi
        word=${line%%$'\t'*}
        help=${line#*$'\t'}
        candidates+=("$word")
        shown+=("$word${help:+ -- $help}")
    done
    (( $#candidates )) && compadd -l -d shown -- "${(@)candidates}"
    [[ -z $files ]] || _files
}

if [[ ${funcstack[1]-} == _millrace ]]; then
    _millrace "$@"
else
    compdef _millrace millrace
fi
)";

constexpr std::string_view kFish =
        R"(# Completion of millrace for fish: millrace completion fish | source

function __millrace_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct | string unescape)
    for line in ($words[1] __complete -- $words[2..] "$current" 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path "$current"
        else
            echo $line
        end
    end
end

complete -c millrace -f -k -a '(__millrace_complete)'
)";

}  // namespace

ExitCode print_completion(const Session& session, const Shell& shell) {
    switch (shell) {
        case Shell::bash:
            return put_out(session, kBash);
        case Shell::zsh:
            return put_out(session, kZsh);
        case Shell::fish:
            return put_out(session, kFish);
    }
    return ExitCode::usage;
}

}  // namespace millrace::cli
