// Discovery: the documents by which clients learn which groups, versions and resources there are.
// Two dialects: one document per group version, which every client reads, and all of them in one,
// which kubectl 1.27 and later ask for.
//
//   const Document list = ApiResourceList("batch", "v1");
//   if (list == nullptr) { ... 404 ... }
//
// Everything is made from AllKinds() at each call; callers keep what they serve often.
// Thread-safe: pure functions.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace throng::kube {

// JSON that is served as it is; null: there is no such thing.
using Document = std::shared_ptr<const std::string>;

enum class DiscoveryForm : uint8_t { kLegacy, kAggregatedV2, kAggregatedV2Beta1 };

// The form that a client asks for at /api and /apis, by its Accept header: the first one named that
// there is.
DiscoveryForm NegotiateDiscovery(std::string_view accept);
// Content-Type of a reply in that form.
std::string_view DiscoveryMediaType(DiscoveryForm form);

// "serving.kubeflow.org", version "v1beta1"; the core group has an empty name.
struct GroupVersion {
  std::string group;
  std::string version;
  bool operator==(const GroupVersion&) const = default;
};
// In the order of discovery: within a group the preferred version is first.
std::vector<GroupVersion> GroupVersions();

// /api. `server_address` is host:port as clients reach it.
Document ApiVersions(std::string_view server_address);
// /apis
Document ApiGroupList();
// /apis/GROUP
Document ApiGroup(std::string_view group);
// /api/v1 and /apis/GROUP/VERSION
Document ApiResourceList(std::string_view group, std::string_view version);
// /api (core only) or /apis (all others) as APIGroupDiscoveryList. REQUIRES: form is not kLegacy.
Document AggregatedDiscovery(bool core, DiscoveryForm form);
// /version. `version` is Throng's own: "0.1.0".
Document VersionDocument(std::string_view version);

}  // namespace throng::kube
