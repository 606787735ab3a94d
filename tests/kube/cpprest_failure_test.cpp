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

}  // namespace
}  // namespace pd::kube
