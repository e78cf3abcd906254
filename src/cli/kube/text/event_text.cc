#include "cli/kube/text/event_text.h"

#include <algorithm>

#include "kube/kinds/human_time.h"

namespace throng::cli::kube {
namespace {

using throng::kube::FindPath;
using throng::kube::Json;
using throng::kube::TextAt;

std::string FirstSeen(const Json& event) {
  const std::string time = TextAt(event, {"eventTime"});
  return time.empty() ? TextAt(event, {"firstTimestamp"}) : time;
}

int64_t CountOf(const Json& event) {
  const Json* count = FindPath(event, {"series", "count"});
  if (count == nullptr) count = FindPath(event, {"count"});
  return count != nullptr && count->is_number_integer() ? count->get<int64_t>() : 1;
}

}  // namespace

std::string LastSeen(const Json& event) {
  for (const std::string& time : {TextAt(event, {"series", "lastObservedTime"}),
                                  TextAt(event, {"lastTimestamp"}), FirstSeen(event)}) {
    if (!time.empty()) return time;
  }
  return TextAt(event, {"metadata", "creationTimestamp"});
}

void SortEvents(std::vector<Json>& events) {
  std::stable_sort(events.begin(), events.end(), [](const Json& a, const Json& b) {
    const auto first = throng::kube::ParseTimestamp(LastSeen(a));
    const auto second = throng::kube::ParseTimestamp(LastSeen(b));
    return first < second;
  });
}

std::string EventAge(const Json& event, WallTime now) {
  const std::string last = throng::kube::AgeSince(LastSeen(event), now);
  const int64_t count = CountOf(event);
  if (count <= 1) return last;
  return last + " (x" + std::to_string(count) + " over " +
         throng::kube::AgeSince(FirstSeen(event), now) + ")";
}

std::string EventObject(const Json& event) {
  return TextAt(event, {"involvedObject", "kind"}) + "/" +
         TextAt(event, {"involvedObject", "name"});
}

}  // namespace throng::cli::kube
