// A text that is kept once, however many objects hold it: the pods of a cluster share the keys of their labels, most of
// the values, and their owners. Reads as the std::string that it is.
//
//   Text role = "prefill";      // 8 bytes
//   if (role == "prefill") ...
//   std::string copy = role;
//
// Thread: any. The last Text of a string frees it.
#pragma once

#include <boost/flyweight.hpp>
#include <compare>
#include <concepts>
#include <ostream>
#include <string>
#include <string_view>

namespace pd::kube {

class Text {
 public:
  Text() = default;
  template <std::convertible_to<std::string_view> S>
  Text(const S& text) : shared_(std::string(std::string_view(text))) {}  // NOLINT(google-explicit-constructor)

  const std::string& str() const { return shared_.get(); }
  operator const std::string&() const { return str(); }  // NOLINT(google-explicit-constructor)
  operator std::string_view() const { return str(); }    // NOLINT(google-explicit-constructor)
  bool empty() const { return str().empty(); }

  friend bool operator==(const Text& a, const Text& b) { return a.shared_ == b.shared_; }  // compares addresses
  template <std::convertible_to<std::string_view> S>
  friend bool operator==(const Text& a, const S& b) {
    return a.str() == std::string_view(b);
  }
  friend std::strong_ordering operator<=>(const Text& a, const Text& b) { return a.str() <=> b.str(); }
  friend std::string operator+(std::string a, const Text& b) { return std::move(a += b.str()); }
  friend std::string operator+(const Text& a, std::string_view b) { return std::string(a.str()).append(b); }
  friend std::ostream& operator<<(std::ostream& out, const Text& text) { return out << text.str(); }

  // The order of the strings, also against what is none of these.
  struct Less {
    using is_transparent = void;
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      return view(a) < view(b);
    }
  };

 private:
  static std::string_view view(const Text& text) { return text.str(); }
  template <std::convertible_to<std::string_view> S>
  static std::string_view view(const S& text) {
    return text;
  }

  boost::flyweight<std::string> shared_;
};

}  // namespace pd::kube
