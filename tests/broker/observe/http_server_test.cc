// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/observe/http_server.h"

#include "broker/net/listen_socket.h"
#include "broker/net/socket_names.h"
#include "tests/support/http_get.h"

#include <gmock/gmock.h>

#include <stdexcept>

namespace millrace::broker {
namespace {

using ::testing::HasSubstr;
using testing::http_get;
using ::testing::IsEmpty;

class EchoPages final : public HttpPages {
public:
    HttpAnswer answer(const HttpRequest& request) override {
        if (request.path == "/throws") throw std::runtime_error("no such luck");
        return {.status = request.path == "/teapot" ? 418U : 200U,
                .body = std::string(request.path) + (request.verbose ? " verbose" : "")};
    }
};

class HttpServerTest : public ::testing::Test {
protected:
    HttpServerTest() {
        auto bound = bind_to(*resolve_listen_address("127.0.0.1:0"));
        socket_ = std::move(bound->front());
        EXPECT_TRUE(socket_.listen());
        address_ = local_address_of(socket_.descriptor());
        server_ = HttpServer::start({socket_.descriptor()}, pages_).value();
    }

    EchoPages pages_;
    ListenSocket socket_;
    std::string address_;
    std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, AnswersWithThePage) {
    const auto reply = http_get(address_, "/some/page");
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body, "/some/page");
    EXPECT_THAT(reply.headers, HasSubstr("Content-Type: text/plain; charset=utf-8\r\n"));
    EXPECT_THAT(reply.headers, HasSubstr("Cache-Control: no-store\r\n"));
    EXPECT_EQ(http_get(address_, "/teapot").status, 418);
}

TEST_F(HttpServerTest, KnowsVerboseWithAndWithoutAValue) {
    EXPECT_EQ(http_get(address_, "/page?verbose").body, "/page verbose");
    EXPECT_EQ(http_get(address_, "/page?verbose=1").body, "/page verbose");
    EXPECT_EQ(http_get(address_, "/page?verbosely").body, "/page");
}

TEST_F(HttpServerTest, AnswersHeadWithoutABody) {
    const auto reply = http_get(address_, "/page", "HEAD");
    EXPECT_EQ(reply.status, 200);
    EXPECT_THAT(reply.headers, HasSubstr("Content-Length: 5\r\n"));
    EXPECT_THAT(reply.body, IsEmpty());
}

TEST_F(HttpServerTest, RefusesToChangeAnything) {
    for (const auto* method : {"POST", "PUT", "DELETE", "PATCH"}) {
        const auto reply = http_get(address_, "/page", method);
        EXPECT_EQ(reply.status, 405) << method;
        EXPECT_THAT(reply.headers, HasSubstr("Allow: GET, HEAD\r\n")) << method;
    }
}

TEST_F(HttpServerTest, SurvivesAPageThatThrows) {
    EXPECT_EQ(http_get(address_, "/throws").status, 500);
    EXPECT_EQ(http_get(address_, "/page").status, 200);
}

TEST_F(HttpServerTest, RefusesARequestThatIsTooLong) {
    EXPECT_GE(http_get(address_, "/" + std::string(64 * 1024, 'x')).status, 400);
    EXPECT_EQ(http_get(address_, "/page").status, 200);
}

TEST_F(HttpServerTest, AnswersNobodyAfterItsEnd) {
    server_.reset();
    socket_ = ListenSocket();
    EXPECT_THROW(http_get(address_, "/page"), std::runtime_error);
}

}  // namespace
}  // namespace millrace::broker
