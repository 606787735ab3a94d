// Commands of a test, a line each, on stdin; answers, a line of JSON each, on stdout. So a test that runs a program
// asks it instead of waiting for a time.
//
//   CommandLines commands(context);
//   while (const std::optional<Words> words = co_await commands.next()) CommandLines::answer({{"done", (*words)[0]}});
//
// Thread: the io_context's.
#pragma once

#include <unistd.h>

#include <utility>  // before awaitable.hpp: Boost 1.74 with g++ 12

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <iostream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "base/json.h"

namespace pd::test {

using Words = std::vector<std::string>;

class CommandLines {
 public:
  // stdin is a pipe or a terminal: a regular file can't be waited for.
  explicit CommandLines(boost::asio::io_context& context) : input_(context, dup(STDIN_FILENO)) {}

  // The words of the next line that has any; nothing at the end of stdin.
  boost::asio::awaitable<std::optional<Words>> next() {
    while (true) {
      boost::system::error_code error;
      const std::size_t length =
          co_await boost::asio::async_read_until(input_, boost::asio::dynamic_buffer(text_), '\n',
                                                 boost::asio::redirect_error(boost::asio::use_awaitable, error));
      if (error) co_return std::nullopt;
      std::istringstream line(text_.substr(0, length));
      text_.erase(0, length);
      Words words{std::istream_iterator<std::string>(line), {}};
      if (!words.empty()) co_return words;
    }
  }

  static void answer(const Json& value) { std::cout << dump_json(value) << std::endl; }  // flushed: a test waits for it

 private:
  boost::asio::posix::stream_descriptor input_;
  std::string text_;
};

}  // namespace pd::test
