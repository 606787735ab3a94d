// The operator on a given transport: what main runs, and tests with a transport of their own.
#pragma once

#include <boost/asio/io_context.hpp>

#include "kube/transport.h"
#include "operator/options.h"

namespace pd::op {

// Returns after SIGTERM or SIGINT, when the request that was under way has ended.
void run(boost::asio::io_context& context, kube::Transport& transport, const Options& options);

}  // namespace pd::op
