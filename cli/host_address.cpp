#include "cli/host_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "base/address.h"
#include "base/excerpt.h"

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

// fe80::/10: says nothing without the name of an interface.
bool is_link_local(const in6_addr& address) {
  return address.s6_addr[0] == 0xfe && (address.s6_addr[1] & 0xc0U) == 0x80;
}

}  // namespace

Result<std::string> peer_address(const std::string& text) {
  const std::string quoted = "\"" + excerpt(text) + "\"";
  const std::optional<AddressFamily> family = address_family(text);
  if (!family) return invalid(quoted + " is no address; write a numeric IPv4 or IPv6 address, as 10.0.0.18");
  if (!is_peer_address(text)) return invalid(quoted + " is no address by which peers could reach this host");
  if (*family == AddressFamily::kIPv4) return text;
  in6_addr address{};
  inet_pton(AF_INET6, text.c_str(), &address);
  if (is_link_local(address)) {
    return invalid(quoted + " is a link-local address, which peers can't reach without an interface's name; write " +
                   "another address of this host");
  }
  std::array<char, INET6_ADDRSTRLEN> usual{};
  inet_ntop(AF_INET6, &address, usual.data(), usual.size());
  return std::string(usual.data());
}

Result<std::string> outgoing_address() {
  for (std::string (*find)() : {local_ipv4, local_ipv6}) {
    const std::string address = find();
    if (peer_address(address)) return address;
  }
  return Error{Code::kUnavailable,
               "this host's address is not known: it has no route to the Internet to tell it by; name it with --ip"};
}

}  // namespace pd::cli
