// Standard headers, nlohmann/json and Boost's containers, precompiled once for all targets.
#pragma once
#include <algorithm>
#include <boost/container/flat_map.hpp>
#include <boost/flyweight.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>
