// Who owns which fields: what server-side apply and every other write do to metadata.managedFields.
// Thread: pure functions.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/json.h"
#include "tests/simulation/field_set.h"
#include "tests/simulation/kinds.h"

namespace pd::test {

struct FieldWriter {
  std::string manager;
  std::string subresource;
  std::string api_version;
  WallTime now;
};

// After a POST, PUT or patch that turned `before` into `after` (both with the managed fields of before): `after` gets
// the writer as owner of what it changed.
void own_changes(const SimKind& kind, const FieldWriter& writer, const Json& before, Json& after);

struct FieldConflict {
  std::string owner;  // as the message names it: "m1", or "m1" with subresource "status"
  std::string field;
};
// An apply: turns `object` (what is there; an object with only metadata when nothing is) into what it is with
// `applied`. Without force it changes nothing where it answers conflicts.
std::vector<FieldConflict> apply_fields(const SimKind& kind, const FieldWriter& writer, const Json& applied, bool force,
                                        Json& object);

}  // namespace pd::test
