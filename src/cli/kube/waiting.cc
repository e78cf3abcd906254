#include "cli/kube/waiting.h"

#include <algorithm>

#include "cli/kube/targets.h"
#include "kube/object_meta.h"

namespace throng::cli::kube {
namespace {

using throng::kube::FindPath;
using throng::kube::TextAt;

constexpr std::chrono::hours kWeek{24 * 7};

}  // namespace

Waiter::Waiter(client::KubeClient& client, const Clock& clock, Duration limit)
    : client_(client), clock_(clock) {
  if (limit < Duration(0)) limit = kWeek;
  if (limit > Duration(0)) deadline_ = clock.Now() + limit;
}

// libcurl takes zero for no limit.
std::optional<Duration> Waiter::Left() const {
  if (!deadline_) return std::nullopt;
  return std::max<Duration>(*deadline_ - clock_.Now(), std::chrono::milliseconds(1));
}

Status Waiter::Until(const client::ResourceType& type, const std::string& name_space,
                     const std::string& name, const Test& test) {
  const Status late =
      DeadlineExceededError("timed out waiting for the condition on " + type.resource + "/" + name);
  const Selection selection{.labels = "", .fields = "metadata.name=" + name};
  while (true) {
    THRONG_ASSIGN_OR_RETURN(const Json list,
                            ListAll(client_, type, name_space, selection, client::kJsonType));
    const Json* items = FindPath(list, {"items"});
    const bool is_there = items != nullptr && items->is_array() && !items->empty();
    if (test(is_there ? &items->front() : nullptr)) return OkStatus();
    if (deadline_ && clock_.Now() >= *deadline_) return late;
    std::string path = client::WithParameter(type.Path(name_space, ""), "watch", "true");
    path = client::WithParameter(path, "fieldSelector", selection.fields);
    path = client::WithParameter(path, "resourceVersion",
                                 TextAt(list, {"metadata", "resourceVersion"}));
    bool satisfied = false;
    const Status status = client_.Watch(path, std::string(client::kJsonType), Left(),
                                        [&](std::string_view event, const Json& object) {
                                          satisfied = test(event == "DELETED" ? nullptr : &object);
                                          return !satisfied;
                                        });
    if (satisfied) return OkStatus();
    if (status.code() == StatusCode::kDeadlineExceeded) return late;
    // An old version is gone, or the server ended the watch: look again.
    if (!status.ok() && status.code() != StatusCode::kOutOfRange) return status;
  }
}

Status Waiter::UntilGone(const client::ResourceType& type, const std::string& name_space,
                         const std::string& name, const std::string& uid) {
  return Until(type, name_space, name, [&](const Json* object) {
    return object == nullptr || (!uid.empty() && throng::kube::UidOf(*object) != uid);
  });
}

}  // namespace throng::cli::kube
