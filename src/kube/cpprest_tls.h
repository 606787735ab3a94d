// Whom a new connection trusts, and what it shows of us. Internal to CpprestTransport.
#pragma once

#include <boost/asio/ssl/context.hpp>

#include "kube/config.h"

namespace pd::kube {

// Called on one of the library's threads for each new connection; reads the files of `config` then, so that rotated
// ones are seen. Throws when the client certificate can't be used: classify_failure() knows the words.
void configure_tls(const Config& config, boost::asio::ssl::context& tls);

}  // namespace pd::kube
