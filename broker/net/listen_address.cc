// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/net/listen_address.h"

#include "broker/base/table_copy.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>

namespace millrace::broker {

namespace {

constexpr std::string_view kUnix = "unix:";
constexpr std::size_t kHostBytesMax = 255;

bool is_loopback(const SocketAddress& address) {
    if (address.storage.ss_family == AF_INET) {
        const auto& four = reinterpret_cast<const sockaddr_in&>(address.storage);
        return ntohl(four.sin_addr.s_addr) >> 24 == 127;
    }
    const auto& six = reinterpret_cast<const sockaddr_in6&>(address.storage);
    return IN6_IS_ADDR_LOOPBACK(&six.sin6_addr) != 0;
}

bool same(const SocketAddress& one, const addrinfo& other) {
    return one.size == other.ai_addrlen &&
           std::memcmp(&one.storage, other.ai_addr, other.ai_addrlen) == 0;
}

std::expected<std::vector<SocketAddress>, std::string> look_up(const std::string& host,
                                                               const std::string& port) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const int failed = getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
    if (failed != 0) return std::unexpected(host + ": " + gai_strerror(failed));
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
    std::vector<SocketAddress> addresses;
    for (const auto* entry = found; entry != nullptr; entry = entry->ai_next) {
        if (entry->ai_family != AF_INET && entry->ai_family != AF_INET6) continue;
        const auto known = std::any_of(addresses.begin(), addresses.end(), [&](const auto& one) {
            return same(one, *entry);
        });
        if (known) continue;
        auto& address = addresses.emplace_back();
        copy_table(reinterpret_cast<std::byte*>(&address.storage),
                   {reinterpret_cast<const std::byte*>(entry->ai_addr), entry->ai_addrlen});
        address.size = entry->ai_addrlen;
    }
    if (addresses.empty()) return std::unexpected(host + " has no address");
    return addresses;
}

}  // namespace

bool ListenAddress::loopback() const noexcept {
    return std::all_of(addresses.begin(), addresses.end(), is_loopback);
}

std::expected<ListenAddress, std::string> resolve_listen_address(std::string_view text) {
    ListenAddress result;
    result.text = text;
    if (text.starts_with(kUnix)) {
        result.unix_path = text.substr(kUnix.size());
        if (!result.unix_path.starts_with('/')) {
            return std::unexpected("the path of a Unix socket must be absolute: unix:/PATH");
        }
        return result;
    }
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos)
        return std::unexpected("write it as HOST:PORT or unix:PATH");
    auto host = text.substr(0, colon);
    const auto port = text.substr(colon + 1);
    const auto [end, failed] = std::from_chars(port.data(), port.data() + port.size(), result.port);
    if (failed != std::errc{} || end != port.data() + port.size()) {
        return std::unexpected("the port must be a number from 0 to 65535, not \"" +
                               std::string(port) + "\"");
    }
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string_view::npos) {
        return std::unexpected("write an IPv6 address in brackets: [::1]:9192");
    }
    if (host.empty() || host.size() > kHostBytesMax) {
        return std::unexpected("there is no host; 0.0.0.0 or [::] means all addresses");
    }
    auto addresses = look_up(std::string(host), std::string(port));
    if (!addresses) return std::unexpected(std::move(addresses.error()));
    result.addresses = std::move(*addresses);
    return result;
}

}  // namespace millrace::broker
