// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "net/address.h"

#include <charconv>
#include <sys/un.h>

namespace millrace::detail {

namespace {

constexpr std::string_view kUnixPrefix = "unix:";
constexpr std::size_t kUnixPathBytesMax = sizeof(sockaddr_un::sun_path) - 1;

Error invalid(std::string_view text, std::string_view why) {
    return {ErrorCode::invalid_address,
            "'" + std::string(text) + "' is not HOST:PORT or unix:PATH: " + std::string(why)};
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && text.front() == ' ')
        text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ')
        text.remove_suffix(1);
    return text;
}

Result<Address> parse_unix(std::string_view text) {
    const auto path = text.substr(kUnixPrefix.size());
    if (path.empty()) return invalid(text, "the path is empty");
    if (path.size() > kUnixPathBytesMax) {
        return invalid(
                text,
                "a socket's path has at most " + std::to_string(kUnixPathBytesMax) + " bytes");
    }
    Address address;
    address.path = path;
    address.text = text;
    return address;
}

Result<Address> parse_one(std::string_view text) {
    if (text.starts_with(kUnixPrefix)) return parse_unix(text);
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return invalid(text, "the port is missing");
    auto host = text.substr(0, colon);
    const auto digits = text.substr(colon + 1);
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string_view::npos) {
        return invalid(text, "an IPv6 address stands in brackets");
    }
    if (host.empty()) return invalid(text, "the host is empty");
    std::uint16_t port = 0;
    const auto* end = digits.data() + digits.size();
    const auto parsed = std::from_chars(digits.data(), end, port);
    if (parsed.ec != std::errc() || parsed.ptr != end || port == 0) {
        return invalid(text, "the port is a number from 1 to 65535");
    }
    Address address;
    address.host = host;
    address.port = port;
    address.text = text;
    return address;
}

}  // namespace

Result<std::vector<Address>> parse_addresses(std::string_view list) {
    std::vector<Address> addresses;
    for (;;) {
        const auto comma = list.find(',');
        auto address = parse_one(trimmed(list.substr(0, comma)));
        if (!address) return address.error();
        addresses.push_back(*std::move(address));
        if (comma == std::string_view::npos) return addresses;
        list.remove_prefix(comma + 1);
    }
}

}  // namespace millrace::detail
