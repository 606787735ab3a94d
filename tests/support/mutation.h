// JSON text changed at random, in ways that JSON's readers get wrong.
#pragma once

#include <random>
#include <string>
#include <string_view>

namespace pd::test {

inline std::string mutate(std::string text, std::mt19937& random) {
  static constexpr std::string_view kLikely = "\"{}[],:0123456789.-eE\\u\n abcdef";
  const auto pick = [&](std::size_t count) { return std::uniform_int_distribution<std::size_t>(0, count - 1)(random); };
  for (std::size_t times = 1 + pick(3); times > 0 && !text.empty(); --times) {
    const std::size_t place = pick(text.size());
    switch (pick(6)) {
      case 0:
        text[place] = static_cast<char>(pick(256));
        break;
      case 1:
        text[place] = kLikely[pick(kLikely.size())];
        break;
      case 2:
        text.insert(place, 1, kLikely[pick(kLikely.size())]);
        break;
      case 3:
        text.erase(place, 1 + pick(30));
        break;
      case 4:
        text.insert(pick(text.size()), text.substr(place, 1 + pick(60)));
        break;
      case 5:
        text.resize(place);
        break;
    }
  }
  return text;
}

}  // namespace pd::test
