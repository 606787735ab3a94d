// Canonical JSON text, written straight from a membership: compact, keys in the order in which they are written, every
// scalar a string. (MindIE's start script looks for "status":"completed" without a blank.)
// Thread: a value.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "base/json.h"

namespace pd::ranktable {

class Writer {
 public:
  void begin_object() { begin('{'); }
  void end_object() { out_ += '}'; }
  void begin_list() { begin('['); }
  void end_list() { out_ += ']'; }

  void key(std::string_view name) {
    separate();
    add_text(name);
    out_ += ':';
  }
  void text(std::string_view value) {
    separate();
    add_text(value);
  }
  void member(std::string_view name, std::string_view value) {
    key(name);
    add_text(value);
  }
  void member(std::string_view name, std::size_t number) { member(name, std::string_view(std::to_string(number))); }
  void reserve(std::size_t bytes) { out_.reserve(bytes); }
  std::string take() { return std::move(out_); }

 private:
  void begin(char bracket) {
    separate();
    out_ += bracket;
  }
  void separate() {
    if (!out_.empty() && out_.back() != '{' && out_.back() != '[' && out_.back() != ':') out_ += ',';
  }
  void add_text(std::string_view value) {
    const bool plain =
        std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; });
    if (!plain) {
      out_ += dump_json(Json(std::string(value)));
      return;
    }
    out_ += '"';
    out_ += value;
    out_ += '"';
  }

  std::string out_;
};

}  // namespace pd::ranktable
