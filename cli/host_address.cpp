#include "cli/host_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/address.h"

namespace pd::cli {
namespace {

// Connecting a datagram socket chooses a route and sends nothing. Empty: there is no route.
template <typename SocketAddress>
std::string local_end(SocketAddress peer, int family, void* (*host_of)(SocketAddress&)) {
  const int descriptor = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return {};
  SocketAddress own{};
  socklen_t length = sizeof own;
  const bool connected = connect(descriptor, reinterpret_cast<sockaddr*>(&peer), sizeof peer) == 0 &&
                         getsockname(descriptor, reinterpret_cast<sockaddr*>(&own), &length) == 0;
  close(descriptor);
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (!connected || inet_ntop(family, host_of(own), text.data(), text.size()) == nullptr) return {};
  return text.data();
}

std::string local_ipv4() {
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  peer.sin_port = htons(53);
  inet_pton(AF_INET, "8.8.8.8", &peer.sin_addr);
  return local_end<sockaddr_in>(peer, AF_INET, [](sockaddr_in& own) -> void* { return &own.sin_addr; });
}

std::string local_ipv6() {
  sockaddr_in6 peer{};
  peer.sin6_family = AF_INET6;
  peer.sin6_port = htons(53);
  inet_pton(AF_INET6, "2001:4860:4860::8888", &peer.sin6_addr);
  return local_end<sockaddr_in6>(peer, AF_INET6, [](sockaddr_in6& own) -> void* { return &own.sin6_addr; });
}

}  // namespace

Result<std::string> outgoing_address() {
  for (std::string (*find)() : {local_ipv4, local_ipv6}) {
    const std::string address = find();
    if (is_peer_address(address)) return address;
  }
  return Error{Code::kUnavailable,
               "this host's address is not known: it has no route to the Internet to tell it by; name it with --ip"};
}

}  // namespace pd::cli
