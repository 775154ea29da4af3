// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/net/listener.h"

#include "broker/net/socket_names.h"
#include "tests/broker/net/loop_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace millrace::broker {
namespace {

using ::testing::HasSubstr;

class Accepted final : public SocketReceiver {
public:
    ~Accepted() override {
        for (const int socket : sockets)
            close(socket);
    }

    bool receive(int socket, std::string_view) noexcept override {
        if (sockets.size() >= room) return false;
        sockets.push_back(socket);
        return true;
    }

    std::size_t room = 1000;
    std::vector<int> sockets;
};

class ListenerTest : public ::testing::Test {
protected:
    ListenerTest() {
        uv_loop_init(&loop_);
        std::string pattern = "/var/tmp/millrace-listener-XXXXXX";
        directory_ = mkdtemp(pattern.data());
    }

    ~ListenerTest() override {
        if (listener_ != nullptr) listener_->close();
        uv_run(&loop_, UV_RUN_DEFAULT);
        EXPECT_EQ(uv_loop_close(&loop_), 0);
        for (const int client : clients_)
            close(client);
        std::filesystem::remove_all(directory_);
    }

    void start(const std::string& address) {
        const auto resolved = resolve_listen_address(address);
        ASSERT_TRUE(resolved) << resolved.error();
        auto sockets = bind_to(*resolved);
        ASSERT_TRUE(sockets) << sockets.error().sentence;
        listener_ = std::make_unique<Listener>(
                ListenerParts{
                        .loop = loop_, .receiver = accepted_, .clock = clock_, .events = events_},
                "client",
                std::move(*sockets));
        ASSERT_EQ(listener_->start(), 0);
    }

    int connect_to(const std::string& address) {
        const auto resolved = resolve_listen_address(address);
        int client = -1;
        int failed = 0;
        if (!resolved->unix_path.empty()) {
            sockaddr_un name{};
            name.sun_family = AF_UNIX;
            resolved->unix_path.copy(name.sun_path, sizeof name.sun_path - 1);
            client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
            failed = connect(client, reinterpret_cast<sockaddr*>(&name), sizeof name);
        } else {
            const auto& name = resolved->addresses.front();
            client = socket(name.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
            failed = connect(client, reinterpret_cast<const sockaddr*>(&name.storage), name.size);
        }
        clients_.push_back(client);
        return failed == 0 ? client : -1;
    }

    void turn_until(const std::function<bool()>& condition) {
        for (int turns = 0; turns < 1000 && !condition(); ++turns)
            uv_run(&loop_, UV_RUN_ONCE);
        EXPECT_TRUE(condition());
    }

    static bool ended(int client) {
        std::byte one;
        const timeval limit{.tv_sec = 5, .tv_usec = 0};
        setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        return recv(client, &one, 1, 0) == 0 || errno == ECONNRESET;
    }

    uv_loop_t loop_{};
    testing::FakeClock clock_;
    RecordedEvents events_;
    Accepted accepted_;
    std::filesystem::path directory_;
    std::unique_ptr<Listener> listener_;
    std::vector<int> clients_;
};

TEST_F(ListenerTest, ChoosesAPortAndSaysWhich) {
    start("127.0.0.1:0");
    EXPECT_THAT(listener_->address(), ::testing::MatchesRegex("127\\.0\\.0\\.1:[1-9][0-9]*"));
    ASSERT_GE(connect_to(listener_->address()), 0);
    turn_until([&] { return accepted_.sockets.size() == 1; });
    const auto names = names_of(accepted_.sockets[0], "client");
    EXPECT_EQ("127.0.0.1:" + std::to_string(names.local_port), listener_->address());
}

TEST_F(ListenerTest, RefusesAnAddressThatIsInUse) {
    start("127.0.0.1:0");
    const auto second = bind_to(*resolve_listen_address(listener_->address()));
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().sentence, HasSubstr("in use"));
}

TEST_F(ListenerTest, KeepsItsUnixSocketToItsOwnerAndRemovesIt) {
    const auto path = directory_ / "a.sock";
    start("unix:" + path.string());

    struct stat status {};

    ASSERT_EQ(lstat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
    ASSERT_GE(connect_to(listener_->address()), 0);
    turn_until([&] { return accepted_.sockets.size() == 1; });
    EXPECT_TRUE(names_of(accepted_.sockets[0], "local").unix_socket);
    listener_->close();
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(ListenerTest, ReplacesAStaleUnixSocketButNothingElse) {
    const auto path = directory_ / "a.sock";
    const auto address = resolve_listen_address("unix:" + path.string());
    {
        // What a killed process leaves behind: a file whose socket is gone.
        const int dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_un name{};
        name.sun_family = AF_UNIX;
        path.string().copy(name.sun_path, sizeof name.sun_path - 1);
        ASSERT_EQ(bind(dead, reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
        close(dead);
    }
    start("unix:" + path.string());
    const auto used = bind_to(*address);
    ASSERT_FALSE(used);
    EXPECT_THAT(used.error().sentence, HasSubstr("in use"));
    const auto file = directory_ / "file";
    std::ofstream(file) << "precious";
    EXPECT_FALSE(bind_to(*resolve_listen_address("unix:" + file.string())));
    EXPECT_EQ(std::filesystem::file_size(file), 8U);
}

TEST_F(ListenerTest, BindsAPathThatIsTooLongForTheKernel) {
    const auto folder = directory_ / std::string(100, 'd');
    std::filesystem::create_directory(folder);
    start("unix:" + (folder / "a.sock").string());

    struct stat status {};

    ASSERT_EQ(lstat((folder / "a.sock").c_str(), &status), 0);
    EXPECT_TRUE(S_ISSOCK(status.st_mode));
    EXPECT_EQ(listener_->address(), "unix:" + (folder / "a.sock").string());
}

TEST_F(ListenerTest, ClosesWhomItHasNoRoomForAndSaysSoOnce) {
    accepted_.room = 1;
    start("127.0.0.1:0");
    connect_to(listener_->address());
    turn_until([&] { return accepted_.sockets.size() == 1; });
    std::vector<int> late;
    for (int count = 0; count < 5; ++count)
        late.push_back(connect_to(listener_->address()));
    uv_run(&loop_, UV_RUN_ONCE);
    for (const int client : late)
        EXPECT_TRUE(ended(client));
    EXPECT_EQ(events_.warnings, 1U);
    EXPECT_THAT(events_.lines[0], HasSubstr("connections_max"));
}

TEST_F(ListenerTest, SurvivesRunningOutOfDescriptors) {
    start("127.0.0.1:0");
    const int client = connect_to(listener_->address());
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    const int lowest = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(lowest);
    rlimit none = before;
    none.rlim_cur = static_cast<rlim_t>(lowest);
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    turn_until([&] { return !events_.lines.empty(); });
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_THAT(events_.lines[0], HasSubstr("listener.exhausted"));
    EXPECT_TRUE(ended(client));
    EXPECT_TRUE(accepted_.sockets.empty());
    // It has not given up.
    connect_to(listener_->address());
    turn_until([&] { return accepted_.sockets.size() == 1; });
}

}  // namespace
}  // namespace millrace::broker
