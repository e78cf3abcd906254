// Events as people read them: newest last, with ages ("5m (x3 over 20m)"). Pure.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "kube/json.h"

namespace throng::cli::kube {

// When it was seen last, as sortable text (RFC 3339); empty when it does not say.
std::string LastSeen(const throng::kube::Json& event);
void SortEvents(std::vector<throng::kube::Json>& events);
// "119s", or "5m (x3 over 20m)" of one that was seen again and again.
std::string EventAge(const throng::kube::Json& event, WallTime now);
// "Pod/name".
std::string EventObject(const throng::kube::Json& event);

}  // namespace throng::cli::kube
