// The operator on a given transport: what main runs, and tests with a transport of their own.
#pragma once

#include <boost/asio/io_context.hpp>

#include "kube/transport.h"
#include "operator/options.h"

namespace pd::op {

// Returns after SIGTERM or SIGINT, when what was being reconciled has ended and the Lease is given away. Ends the
// process with exit code 1 when the Lease is lost, at a second signal, and when stopping takes too long. `election`: a
// transport for the Lease alone.
void run(boost::asio::io_context& context, kube::Transport& transport, kube::Transport& election,
         const Options& options);

}  // namespace pd::op
