// The operator on a given transport: what main runs, and tests with a transport of their own.
#pragma once

#include <boost/asio/io_context.hpp>

#include "kube/transport.h"
#include "operator/options.h"

namespace pd::op {

// The ways to the API server. They outlive run().
struct Connection {
  kube::Transport& transport;
  kube::Transport& election;  // for the Lease alone
  std::string server;         // its URL, as requests are counted
};

// Returns after SIGTERM or SIGINT, when what was being reconciled has ended and the Lease is given away; or an error
// when it can't start. Ends the process with exit code 1 when the Lease is lost, at a second signal, and when stopping
// takes too long.
Status run(boost::asio::io_context& context, const Connection& connection, const Options& options);

}  // namespace pd::op
