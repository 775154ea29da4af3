// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/observe/http_server.h"

#include <cerrno>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <microhttpd.h>
#include <mutex>
#include <sys/resource.h>
#include <unistd.h>

namespace millrace::broker {
namespace {

constexpr unsigned kConnectionsMax = 32;
constexpr unsigned kIdleSeconds = 15;
constexpr std::size_t kRequestBytesMax = 16 * 1024;
constexpr int kNiceness = 10;

// A page of many series takes long, and every core may be a shard's. A failure changes nothing
// but that: it is let go.
void let_shards_go_first() {
    thread_local const int done = setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNiceness);
    static_cast<void>(done);
}

bool has_argument(MHD_Connection* connection, std::string_view name) {
    const char* value = nullptr;
    std::size_t size = 0;
    return MHD_lookup_connection_value_n(
                   connection, MHD_GET_ARGUMENT_KIND, name.data(), name.size(), &value, &size) ==
           MHD_YES;
}

MHD_Result send(MHD_Connection* connection, const HttpAnswer& answer) {
    auto* response = MHD_create_response_from_buffer(answer.body.size(),
                                                     // Copied, so it is not written to.
                                                     const_cast<char*>(answer.body.data()),
                                                     MHD_RESPMEM_MUST_COPY);
    if (response == nullptr) return MHD_NO;
    MHD_add_response_header(response, "Content-Type", std::string(answer.type).c_str());
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (answer.status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        MHD_add_response_header(response, "Allow", "GET, HEAD");
    }
    const auto queued = MHD_queue_response(connection, answer.status, response);
    MHD_destroy_response(response);
    return queued;
}

}  // namespace

class HttpServer::Handler {
public:
    explicit Handler(HttpPages& pages) : pages_(pages) {}

    static MHD_Result handle(void* self,
                             MHD_Connection* connection,
                             const char* url,
                             const char* method,
                             const char* /*version*/,
                             const char* /*upload*/,
                             std::size_t* upload_bytes,
                             void** state) {
        // Called once for the headers, then again for what follows.
        static char seen = 0;
        if (*state == nullptr) {
            *state = &seen;
            return MHD_YES;
        }
        if (*upload_bytes > 0) return MHD_NO;
        let_shards_go_first();
        try {
            return send(connection, static_cast<Handler*>(self)->answer(connection, url, method));
        } catch (const std::exception& failed) {
            return send(connection, {500, "text/plain; charset=utf-8", failed.what()});
        }
    }

private:
    HttpAnswer answer(MHD_Connection* connection, std::string_view url, std::string_view method) {
        if (method != MHD_HTTP_METHOD_GET && method != MHD_HTTP_METHOD_HEAD) {
            return {.status = MHD_HTTP_METHOD_NOT_ALLOWED,
                    .body = "Only GET and HEAD are answered here.\n"};
        }
        const std::scoped_lock one_at_a_time(mutex_);
        const bool verbose = has_argument(connection, "verbose");
        return pages_.answer({.path = url, .verbose = verbose});
    }

    HttpPages& pages_;
    std::mutex mutex_;
};

HttpServer::HttpServer(HttpPages& pages) : handler_(std::make_unique<Handler>(pages)) {}

std::expected<std::unique_ptr<HttpServer>, std::string> HttpServer::start(
        const std::vector<int>& listening, HttpPages& pages) {
    std::unique_ptr<HttpServer> server(new HttpServer(pages));
    for (const int socket : listening) {
        // The server closes what it is given.
        const int own = fcntl(socket, F_DUPFD_CLOEXEC, 0);
        if (own < 0) return std::unexpected(std::strerror(errno));
        auto* daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC,
                                        0,
                                        nullptr,
                                        nullptr,
                                        &Handler::handle,
                                        server->handler_.get(),
                                        MHD_OPTION_LISTEN_SOCKET,
                                        own,
                                        MHD_OPTION_CONNECTION_LIMIT,
                                        kConnectionsMax,
                                        MHD_OPTION_CONNECTION_TIMEOUT,
                                        kIdleSeconds,
                                        MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                                        kRequestBytesMax,
                                        MHD_OPTION_END);
        if (daemon == nullptr) {
            const int error = errno;
            ::close(own);
            return std::unexpected("the HTTP server cannot be started: " +
                                   std::string(std::strerror(error)));
        }
        server->daemons_.push_back(daemon);
    }
    return server;
}

HttpServer::~HttpServer() {
    for (auto* daemon : daemons_)
        MHD_stop_daemon(daemon);
}

}  // namespace millrace::broker
