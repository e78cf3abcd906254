#include "kube/kinds/discovery.h"

#include <gtest/gtest.h>

#include "kube/kind.h"

namespace throng::kube {
namespace {

Json Parse(const Document& document) { return ParseJson(*document).value(); }

const Json& Named(const Json& list, std::string_view key, std::string_view name) {
  for (const Json& entry : list) {
    if (entry[std::string(key)] == name) return entry;
  }
  throw std::out_of_range(std::string(name));
}

TEST(Discovery, NegotiatesByTheOrderOfTheHeader) {
  const std::pair<std::string_view, DiscoveryForm> cases[] = {
      {"", DiscoveryForm::kLegacy},
      {"application/json", DiscoveryForm::kLegacy},
      {"application/json, */*", DiscoveryForm::kLegacy},
      {"application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json",
       DiscoveryForm::kAggregatedV2},
      {"application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,"
       "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
       DiscoveryForm::kAggregatedV2Beta1},
      {"application/json; as=APIGroupDiscoveryList; v=v2; g=apidiscovery.k8s.io",
       DiscoveryForm::kAggregatedV2},
      {"application/json;g=apidiscovery.k8s.io;v=v9;as=APIGroupDiscoveryList,application/json",
       DiscoveryForm::kLegacy},
      {"application/vnd.kubernetes.protobuf;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
       DiscoveryForm::kLegacy},
      {";;;=,,;as=", DiscoveryForm::kLegacy}};
  for (const auto& [accept, form] : cases) {
    EXPECT_EQ(NegotiateDiscovery(accept), form) << accept;
  }
  EXPECT_EQ(DiscoveryMediaType(DiscoveryForm::kAggregatedV2),
            "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
}

TEST(Discovery, Groups) {
  const Json list = Parse(ApiGroupList());
  EXPECT_EQ(list["kind"], "APIGroupList");
  std::vector<std::string> names;
  for (const Json& group : list["groups"]) names.push_back(group["name"]);
  EXPECT_EQ(names, (std::vector<std::string>{"batch", "coordination.k8s.io", "serving.kubeflow.org",
                                             "serving.kserve.io", "throng.dev"}));
  const Json& serving = list["groups"][2];
  EXPECT_EQ(serving["preferredVersion"]["groupVersion"], "serving.kubeflow.org/v1beta1");
  EXPECT_EQ(serving["versions"].size(), 2U);
  Json one = Parse(ApiGroup("serving.kubeflow.org"));
  EXPECT_EQ(one["kind"], "APIGroup");
  EXPECT_EQ(one["versions"], serving["versions"]);
  EXPECT_EQ(ApiGroup("apps"), nullptr);
  EXPECT_EQ(ApiGroup(""), nullptr);
  EXPECT_EQ(Parse(ApiVersions("127.0.0.1:1"))["versions"], Json::array({"v1"}));
}

TEST(Discovery, Resources) {
  const Json core = Parse(ApiResourceList("", "v1"));
  EXPECT_EQ(core["groupVersion"], "v1");
  EXPECT_FALSE(core.contains("apiVersion"));
  EXPECT_EQ(Named(core["resources"], "name", "pods/log"),
            Json::parse(R"({"name": "pods/log", "singularName": "", "namespaced": true,
                            "kind": "Pod", "verbs": ["get"]})"));
  EXPECT_EQ(Named(core["resources"], "name", "namespaces")["namespaced"], false);
  const Json alpha = Parse(ApiResourceList("serving.kubeflow.org", "v1alpha1"));
  EXPECT_EQ(Named(alpha["resources"], "name", "trainedmodels"), Json::parse(R"({
      "name": "trainedmodels", "singularName": "trainedmodel", "namespaced": true,
      "kind": "TrainedModel", "shortNames": ["tm"], "verbs": ["create", "delete",
      "deletecollection", "get", "list", "patch", "update", "watch"]})"));
  EXPECT_EQ(Named(alpha["resources"], "name", "trainedmodels/status")["verbs"],
            Json::array({"get", "patch", "update"}));
  EXPECT_EQ(ApiResourceList("serving.kubeflow.org", "v1"), nullptr);
  EXPECT_EQ(ApiResourceList("", "v2"), nullptr);
}

TEST(Discovery, AggregatedHoldsWhatTheListsHold) {
  size_t resources = 0;
  for (const bool core : {true, false}) {
    const Json document = Parse(AggregatedDiscovery(core, DiscoveryForm::kAggregatedV2));
    EXPECT_EQ(document["apiVersion"], "apidiscovery.k8s.io/v2");
    for (const Json& group : document["items"]) {
      for (const Json& version : group["versions"]) resources += version["resources"].size();
    }
  }
  EXPECT_EQ(resources, AllKinds().size());
  const Json beta = Parse(AggregatedDiscovery(true, DiscoveryForm::kAggregatedV2Beta1));
  EXPECT_EQ(beta["apiVersion"], "apidiscovery.k8s.io/v2beta1");
  const Json& pods = Named(beta["items"][0]["versions"][0]["resources"], "resource", "pods");
  EXPECT_EQ(pods["scope"], "Namespaced");
  EXPECT_EQ(pods["responseKind"]["kind"], "Pod");
  EXPECT_EQ(Named(pods["subresources"], "subresource", "status")["verbs"].size(), 3U);
}

TEST(Discovery, Version) {
  const Json version = Parse(VersionDocument("0.1.0"));
  EXPECT_EQ(version["major"], "1");
  EXPECT_EQ(version["minor"], "33");
  EXPECT_EQ(version["gitVersion"], "v1.33.13+throng.0.1.0");
}

}  // namespace
}  // namespace throng::kube
