// `pdctl status`: a live view of PDDeployments, read from the API server. The one command that needs a cluster.
// Thread: blocking; an io_context of its own inside.
#pragma once

#include <boost/asio/io_context.hpp>
#include <string>

#include "cli/answer.h"
#include "kube/transport.h"

namespace pd::cli {

struct StatusRequest {
  std::string name = {};        // empty: all of the namespace
  std::string ns = {};          // empty: that of the kubeconfig's context
  std::string kubeconfig = {};  // empty: as kubectl finds it
  std::string context = {};     // empty: the current one
  bool watch = false;
  bool redraw = false;  // the output is a terminal: each view takes the place of the last
};

// Watching, it prints by itself, until SIGINT or SIGTERM, and answers nothing more.
Answer status(const StatusRequest& request, Format format, const std::string& version, const Streams& streams);

// The same on a given transport: what status() runs, and tests with one of their own. `request.ns` is known.
Answer status_of(boost::asio::io_context& context, kube::Transport& transport, const StatusRequest& request,
                 Format format, const Streams& streams);

}  // namespace pd::cli
