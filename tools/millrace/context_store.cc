// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/context_store.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace millrace::cli {

namespace {

namespace fs = std::filesystem;

class Descriptor {
public:
    explicit Descriptor(int number) : number_(number) {}

    ~Descriptor() {
        if (number_ >= 0) close(number_);
    }

    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;

    [[nodiscard]] int number() const { return number_; }

private:
    int number_;
};

Failure cannot(const fs::path& path, std::string_view what, int error) {
    return {ExitCode::failed,
            "contexts_file_failed",
            fmt::format("{} cannot be {}: {}.",
                        path.string(),
                        what,
                        std::generic_category().message(error)),
            "XDG_CONFIG_HOME may name another folder for it."};
}

// As the XDG base directory specification has it: a relative path is as good as none.
fs::path absolute_in_environment(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && *value == '/' ? fs::path(value) : fs::path();
}

// errno, or 0.
int read_all(int file, std::string& text) {
    char part[4096];
    for (;;) {
        const auto count = ::read(file, part, sizeof part);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return errno;
        if (count == 0) return 0;
        text.append(part, static_cast<std::size_t>(count));
    }
}

int write_all(int file, std::string_view text) {
    while (!text.empty()) {
        const auto count = ::write(file, text.data(), text.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return errno;
        text.remove_prefix(static_cast<std::size_t>(count));
    }
    return 0;
}

// Puts a file with this text in the place of `name`, in the folder that is locked.
int replace(int folder, const std::string& name, std::string_view text) {
    const auto fresh = "." + name + ".new";
    const Descriptor file(openat(
            folder, fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (file.number() < 0) return errno;
    // One that a crash has left may have another mode.
    if (fchmod(file.number(), 0600) != 0) return errno;
    if (const int error = write_all(file.number(), text)) return error;
    if (fsync(file.number()) != 0) return errno;
    if (renameat(folder, fresh.c_str(), folder, name.c_str()) != 0) return errno;
    return fsync(folder) == 0 ? 0 : errno;
}

// The file itself where a link leads to it, so that writing keeps the link.
fs::path target_of(const fs::path& file) {
    std::error_code failed;
    if (!fs::is_symlink(file, failed)) return file;
    auto target = fs::canonical(file, failed);
    return failed ? file : target;
}

}  // namespace

ContextStore ContextStore::of_user() {
    auto folder = absolute_in_environment("XDG_CONFIG_HOME");
    if (folder.empty()) {
        folder = absolute_in_environment("HOME");
        if (!folder.empty()) folder /= ".config";
    }
    return ContextStore(folder.empty() ? folder : folder / "millrace" / "contexts.toml");
}

std::expected<Contexts, Failure> ContextStore::read() const {
    if (file_.empty()) return Contexts();
    const Descriptor file(open(file_.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.number() < 0) {
        if (errno == ENOENT || errno == ENOTDIR) return Contexts();
        return std::unexpected(cannot(file_, "read", errno));
    }
    std::string text;
    if (const int error = read_all(file.number(), text))
        return std::unexpected(cannot(file_, "read", error));
    auto contexts = parse_contexts(text, file_.string());
    if (contexts) return *std::move(contexts);
    return std::unexpected(Failure{ExitCode::failed,
                                   "invalid_contexts_file",
                                   contexts.error(),
                                   "Correct it, or remove it and add the contexts again."});
}

std::optional<Failure> ContextStore::change(
        const std::function<std::optional<Failure>(Contexts&)>& change) const {
    if (file_.empty()) {
        return Failure{ExitCode::failed,
                       "contexts_file_failed",
                       "There is no place for contexts: neither XDG_CONFIG_HOME nor HOME is an "
                       "absolute path.",
                       "Set one of them."};
    }
    const auto file = target_of(file_);
    std::error_code failed;
    fs::create_directories(file.parent_path(), failed);
    if (failed) return cannot(file.parent_path(), "made", failed.value());
    const Descriptor folder(open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder.number() < 0) return cannot(file.parent_path(), "opened", errno);
    if (flock(folder.number(), LOCK_EX) != 0) return cannot(file.parent_path(), "locked", errno);
    auto contexts = read();
    if (!contexts) return contexts.error();
    if (auto refused = change(*contexts)) return refused;
    if (const int error = replace(folder.number(), file.filename(), contexts_text(*contexts)))
        return cannot(file, "written", error);
    return std::nullopt;
}

}  // namespace millrace::cli
