// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/net/listen_socket.h"

#include "broker/base/table_copy.h"

#include <cerrno>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace millrace::broker {

namespace {

constexpr int kBacklog = 1024;
constexpr mode_t kOwnerOnly = 0600;

std::unexpected<BindFailure> failed(const std::string& what) {
    const int error = errno;
    return std::unexpected(
            BindFailure{what + ": " + std::generic_category().message(error), error});
}

void set_port(SocketAddress& address, std::uint16_t port) {
    if (address.storage.ss_family == AF_INET) {
        reinterpret_cast<sockaddr_in&>(address.storage).sin_port = htons(port);
    } else {
        reinterpret_cast<sockaddr_in6&>(address.storage).sin6_port = htons(port);
    }
}

std::uint16_t port_of(int socket) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.ss_family == AF_INET
                         ? reinterpret_cast<const sockaddr_in&>(address).sin_port
                         : reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
}

// The path itself, or a shorter one to the same place when it is too long for the kernel.
struct UnixName {
    sockaddr_un address{};
    int folder = -1;

    UnixName() = default;
    UnixName(const UnixName&) = delete;
    UnixName& operator=(const UnixName&) = delete;

    ~UnixName() {
        if (folder >= 0) close(folder);
    }

    [[nodiscard]] bool set(const std::string& path) {
        auto name = path;
        if (name.size() >= sizeof address.sun_path) {
            const auto slash = path.rfind('/');
            folder = open(path.substr(0, slash).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
            if (folder < 0) return false;
            name = "/proc/self/fd/" + std::to_string(folder) + path.substr(slash);
        }
        if (name.size() >= sizeof address.sun_path) {
            errno = ENAMETOOLONG;
            return false;
        }
        address.sun_family = AF_UNIX;
        copy_table(reinterpret_cast<std::byte*>(address.sun_path), std::as_bytes(std::span(name)));
        return true;
    }

    [[nodiscard]] const sockaddr* get() const {
        return reinterpret_cast<const sockaddr*>(&address);
    }
};

// True when the path is free now. A socket file outlives its process when that was killed.
bool remove_stale(const std::string& path, const UnixName& name) {
    struct stat status {};

    if (lstat(path.c_str(), &status) != 0) return errno == ENOENT;
    if (!S_ISSOCK(status.st_mode)) {
        errno = EEXIST;
        return false;
    }
    const ListenSocket probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), {});
    if (connect(probe.descriptor(), name.get(), sizeof name.address) == 0 || errno == EAGAIN) {
        errno = EADDRINUSE;
        return false;
    }
    return errno == ECONNREFUSED && unlink(path.c_str()) == 0;
}

std::expected<ListenSocket, BindFailure> bind_to_unix(const std::string& path) {
    UnixName name;
    const auto text = "unix:" + path;
    if (!name.set(path)) return failed(text);
    if (!remove_stale(path, name)) return failed(text);
    const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return failed(text);
    // The mode of the descriptor becomes that of the file: nobody else can come in between.
    fchmod(descriptor, kOwnerOnly);
    if (bind(descriptor, name.get(), sizeof name.address) != 0) {
        auto error = failed(text);
        close(descriptor);
        return error;
    }
    ListenSocket result(descriptor, path);
    if (chmod(path.c_str(), kOwnerOnly) != 0) return failed(text);
    return result;
}

// Fails with an errno.
std::expected<ListenSocket, int> bind_to_tcp(const SocketAddress& address) {
    ListenSocket result(socket(address.storage.ss_family,
                               SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
                               IPPROTO_TCP),
                        {});
    const int on = 1;
    if (result.descriptor() < 0) return std::unexpected(errno);
    // A port is free again at once after a restart.
    setsockopt(result.descriptor(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const auto* name = reinterpret_cast<const sockaddr*>(&address.storage);
    if (bind(result.descriptor(), name, address.size) != 0) return std::unexpected(errno);
    return result;
}

}  // namespace

ListenSocket::ListenSocket(int descriptor, std::string unix_path) noexcept
        : descriptor_(descriptor), unix_path_(std::move(unix_path)) {}

ListenSocket::ListenSocket(ListenSocket&& other) noexcept
        : descriptor_(std::exchange(other.descriptor_, -1)),
          unix_path_(std::exchange(other.unix_path_, {})) {}

ListenSocket& ListenSocket::operator=(ListenSocket&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    std::swap(unix_path_, other.unix_path_);
    return *this;
}

ListenSocket::~ListenSocket() {
    if (!unix_path_.empty()) unlink(unix_path_.c_str());
    if (descriptor_ >= 0) close(descriptor_);
}

bool ListenSocket::listen() noexcept {
    return ::listen(descriptor_, kBacklog) == 0;
}

std::expected<std::vector<ListenSocket>, BindFailure> bind_to(const ListenAddress& address) {
    std::vector<ListenSocket> sockets;
    if (!address.unix_path.empty()) {
        auto opened = bind_to_unix(address.unix_path);
        if (!opened) return std::unexpected(std::move(opened.error()));
        sockets.push_back(std::move(*opened));
        return sockets;
    }
    auto port = address.port;
    for (auto one : address.addresses) {
        set_port(one, port);
        auto opened = bind_to_tcp(one);
        if (!opened) {
            errno = opened.error();
            // A machine without IPv6 still knows ::1 as a name of localhost.
            const bool other_is_left = !sockets.empty() || address.addresses.size() > 1;
            const bool no_such_family = errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT;
            if (no_such_family && other_is_left) continue;
            return failed(address.text);
        }
        if (port == 0) port = port_of(opened->descriptor());
        sockets.push_back(std::move(*opened));
    }
    if (sockets.empty())
        return std::unexpected(BindFailure{address.text + ": no address can be bound"});
    return sockets;
}

}  // namespace millrace::broker
