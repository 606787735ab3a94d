// What an Exchange makes of a request that fails within the library. (Its header has the macro U: gtest's goes first.)
#include <gtest/gtest.h>

#include "kube/cpprest_exchange.h"
#include "kube/cpprest_library.h"

namespace pd::kube {
namespace {

// Else whoever destroys the transport waits for what never comes.
TEST(CpprestExchange, ARequestThatCannotStartIsNotInFlight) {
  start_library();
  asio::io_context context;
  const auto in_flight = std::make_shared<InFlight>(context);
  web::http::client::http_client client(web::uri("http://127.0.0.1:1"));
  client.add_handler([](const web::http::http_request&, const std::shared_ptr<web::http::http_pipeline_stage>&)
                         -> pplx::task<web::http::http_response> { throw std::runtime_error("no room"); });
  const auto exchange = std::make_shared<Exchange>(context, in_flight, Sink::Limits{});
  EXPECT_THROW(exchange->start(client, web::http::http_request("GET")), std::runtime_error);
  EXPECT_TRUE(in_flight->close(Duration::zero()));
}

TEST(CpprestExchange, SaysWhereThereWasNoConnection) {
  for (const char* nobody : {"Failed to connect to any resolved endpoint", "Error resolving address"}) {
    EXPECT_EQ(classify_failure(nobody).code, Code::kUnavailable) << nobody;
    EXPECT_EQ(classify_failure(nobody).reason, kNotConnected) << nobody;
  }
  for (const char* broken : {"Failed to read HTTP status line", "Error in SSL handshake", "unknown"}) {
    EXPECT_EQ(classify_failure(broken).code, Code::kUnavailable) << broken;
    EXPECT_EQ(classify_failure(broken).reason, "") << broken;
  }
}

}  // namespace
}  // namespace pd::kube
