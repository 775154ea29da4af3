// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A small HTTP/1.1 server for pages that are made when they are asked for. On a thread of its own,
// so that whoever scrapes does not take a shard's time.
//
// Lifecycle:   start, answer, destroy: the destructor waits for an answer that is being made.
// Bounds:      32 connections, 16 KiB of request each, 15 s without progress; a request's body is
//              not read. Answers are made one after the other.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct MHD_Daemon;

namespace millrace::broker {

struct HttpRequest {
    std::string_view path;  // "/metrics"
    bool verbose = false;   // "?verbose"
};

struct HttpAnswer {
    unsigned status = 200;
    std::string_view type = "text/plain; charset=utf-8";
    std::string body;
};

class HttpPages {
public:
    virtual ~HttpPages() = default;

    // Thread: the server's, one call at a time.
    [[nodiscard]] virtual HttpAnswer answer(const HttpRequest& request) = 0;

protected:
    HttpPages() = default;
    HttpPages(const HttpPages&) = default;
    HttpPages& operator=(const HttpPages&) = default;
};

class HttpServer {
public:
    // `listening` are sockets that listen; they stay the caller's, and outlive the server, as do
    // the pages. Fails with a sentence.
    [[nodiscard]] static std::expected<std::unique_ptr<HttpServer>, std::string> start(
            const std::vector<int>& listening, HttpPages& pages);
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

private:
    class Handler;

    explicit HttpServer(HttpPages& pages);

    std::unique_ptr<Handler> handler_;
    std::vector<MHD_Daemon*> daemons_;  // One a socket.
};

}  // namespace millrace::broker
