// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/context_store.h"

#include "tests/tools/temporary_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <thread>

namespace millrace::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

std::string text_of(const fs::path& file) {
    std::ifstream stream(file);
    return {std::istreambuf_iterator<char>(stream), {}};
}

std::optional<Failure> add(const ContextStore& store, const std::string& name) {
    return store.change([&name](Contexts& contexts) -> std::optional<Failure> {
        contexts.add({name, "x", OutputFormat::table});
        return std::nullopt;
    });
}

TEST(ContextStore, MakesTheFolderAndAFileForItsUserOnly) {
    const TemporaryFolder folder;
    const auto file = folder.path() / "some" / "millrace" / "contexts.toml";
    ASSERT_FALSE(add(ContextStore(file), "a"));

    struct stat status {};

    ASSERT_EQ(stat(file.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0600U);
}

TEST(ContextStore, ReplacesTheFileAndWhatACrashHasLeftBesideIt) {
    const TemporaryFolder folder;
    const auto file = folder.path() / "contexts.toml";
    std::ofstream(folder.path() / ".contexts.toml.new") << std::string(4096, 'x');
    fs::permissions(folder.path() / ".contexts.toml.new", fs::perms::all);
    ASSERT_FALSE(add(ContextStore(file), "a"));

    struct stat before {};

    ASSERT_EQ(stat(file.c_str(), &before), 0);
    EXPECT_EQ(before.st_mode & 07777U, 0600U);
    const std::ifstream held(file);  // Keeps the inode's number taken.
    ASSERT_FALSE(add(ContextStore(file), "b"));

    struct stat after {};

    ASSERT_EQ(stat(file.c_str(), &after), 0);
    EXPECT_NE(after.st_ino, before.st_ino);
    EXPECT_EQ(ContextStore(file).read().value().all.size(), 2U);
    EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 1);
}

TEST(ContextStore, WritesNothingWhenTheChangeFailsOrTheFileIsWrong) {
    const TemporaryFolder folder;
    const auto file = folder.path() / "contexts.toml";
    const ContextStore store(file);
    const auto refused = store.change([](Contexts& contexts) -> std::optional<Failure> {
        contexts.add({"a", "x", OutputFormat::table});
        return Failure{ExitCode::exists, "context_exists", "", ""};
    });
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->code, ExitCode::exists);
    EXPECT_FALSE(fs::exists(file));
    std::ofstream(file) << "format = 7\n";
    EXPECT_TRUE(add(store, "a"));
    EXPECT_EQ(text_of(file), "format = 7\n");
}

TEST(ContextStore, KeepsALinkToTheFile) {
    const TemporaryFolder folder;
    fs::create_directory(folder.path() / "kept");
    std::ofstream(folder.path() / "kept" / "c.toml") << "format = 1\n";
    fs::create_symlink("kept/c.toml", folder.path() / "contexts.toml");
    ASSERT_FALSE(add(ContextStore(folder.path() / "contexts.toml"), "a"));
    EXPECT_TRUE(fs::is_symlink(folder.path() / "contexts.toml"));
    EXPECT_THAT(text_of(folder.path() / "kept" / "c.toml"), HasSubstr("[contexts.a]"));
}

TEST(ContextStore, LosesNoneOfManyChangesAtOnce) {
    const TemporaryFolder folder;
    const ContextStore store(folder.path() / "contexts.toml");
    std::vector<std::thread> writers;
    writers.reserve(4);
    for (int writer = 0; writer < 4; ++writer) {
        writers.emplace_back([&store, writer] {
            for (int i = 0; i < 20; ++i)
                EXPECT_FALSE(add(store, std::to_string(writer) + "-" + std::to_string(i)));
        });
    }
    for (auto& writer : writers)
        writer.join();
    EXPECT_EQ(store.read().value().all.size(), 80U);
}

TEST(ContextStore, SaysWhatToSetWhenThereIsNoPlace) {
    const ContextStore nowhere{fs::path()};
    EXPECT_TRUE(nowhere.read().value().all.empty());
    const auto refused = add(nowhere, "a");
    ASSERT_TRUE(refused);
    EXPECT_THAT(refused->message, HasSubstr("XDG_CONFIG_HOME"));
}

}  // namespace
}  // namespace millrace::cli
