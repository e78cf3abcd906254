#include "kube/records/built_in_checks.h"

#include <string>

#include <gtest/gtest.h>

#include "kube/kind.h"
#include "kube/records/built_in_rules.h"

namespace throng::kube::server {
namespace {

// "FIELD: MESSAGE" of each cause, with "; " between.
std::string Told(const std::vector<ApiCause>& causes) {
  std::string text;
  for (const ApiCause& cause : causes) {
    text += (text.empty() ? "" : "; ") + cause.field + ": " + cause.message;
  }
  return text;
}

std::string Service(const std::string& spec) {
  return Told(CheckService({{"spec", Json::parse(spec)}}));
}

TEST(BuiltInChecksTest, PortsOfServices) {
  EXPECT_EQ(Service(R"({"ports": [{"port": 1}]})"), "");
  EXPECT_EQ(Service(R"({"ports": [{"port": 65535, "targetPort": "web"}]})"), "");
  EXPECT_EQ(Service(R"({"ports": [{"port": 0}]})"),
            "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive");
  EXPECT_EQ(Service(R"({"ports": [{"port": 80, "targetPort": 65536}]})"),
            "spec.ports[0].targetPort: Invalid value: 65536: must be between 1 and 65535, "
            "inclusive");
  EXPECT_EQ(Service("{}"), "spec.ports: Required value");
  EXPECT_EQ(Service(R"({"clusterIP": "None"})"), "");
  EXPECT_EQ(Service(R"({"type": "ExternalName"})"), "spec.externalName: Required value");
  EXPECT_EQ(Service(R"({"type": "ExternalName", "externalName": "a.b"})"), "");
  EXPECT_EQ(Service(R"({"ports": [{"port": 1, "name": "a"}, {"port": 2}]})"),
            "spec.ports[1].name: Required value");
  EXPECT_EQ(Service(R"({"ports": [{"port": 1, "name": "a"}, {"port": 2, "name": "a"}]})"),
            "spec.ports[1].name: Duplicate value: \"a\"");
  EXPECT_EQ(Service(R"({"ports": 5})"), "spec.ports: Required value");
  EXPECT_EQ(Service(R"({"ports": [5]})"), "");
}

TEST(BuiltInChecksTest, TemplatesOfJobs) {
  Json job = Json::parse(R"({"spec": {"template": {"spec": {"restartPolicy": "Never",
      "containers": [{"name": "a", "image": "b"}]}}}})");
  EXPECT_EQ(Told(CheckJob(job, nullptr)), "");
  EXPECT_EQ(Told(CheckJob(Json::object(), nullptr)),
            "spec.template.spec.containers: Required value; spec.template.spec.restartPolicy: "
            "Required value: valid values: \"OnFailure\", \"Never\"");
  Json other = job;
  other["spec"]["parallelism"] = 2;
  EXPECT_EQ(Told(CheckJob(other, &job)), "");
  other["spec"]["template"]["spec"]["restartPolicy"] = "Always";
  const std::string told = Told(CheckJob(other, &job));
  EXPECT_NE(told.find("Unsupported value: \"Always\": supported values: \"OnFailure\", \"Never\""),
            std::string::npos)
      << told;
  EXPECT_NE(told.find("spec.template: Invalid value: "), std::string::npos) << told;
  EXPECT_NE(told.find(": field is immutable"), std::string::npos) << told;
}

TEST(BuiltInChecksTest, OfAPodThatExistsLittleChanges) {
  const Json pod = Json::parse(R"({"spec": {"containers": [{"name": "a", "image": "b"}]}})");
  EXPECT_EQ(Told(CheckPod(pod, nullptr)), "");
  Json changed = pod;
  changed["spec"]["containers"][0]["image"] = "c";
  changed["spec"]["tolerations"] = Json::array({{{"operator", "Exists"}}});
  changed["spec"]["activeDeadlineSeconds"] = 5;
  EXPECT_EQ(Told(CheckPod(changed, &pod)), "");
  changed["spec"]["containers"][0]["command"] = {"sh"};
  EXPECT_EQ(Told(CheckPod(changed, &pod))
                .rfind("spec: Forbidden: pod updates may not change fields other than ", 0),
            0u);
}

TEST(BuiltInChecksTest, TypesOfSecretsAskForKeys) {
  EXPECT_EQ(Told(CheckSecretType({{"type", "kubernetes.io/tls"}, {"data", {{"tls.key", ""}}}})),
            "data[tls.crt]: Required value");
  EXPECT_EQ(Told(CheckSecretType({{"type", "kubernetes.io/ssh-auth"}})),
            "data[ssh-privatekey]: Required value");
  EXPECT_EQ(Told(CheckSecretType({{"type", "Opaque"}})), "");
}

TEST(BuiltInChecksTest, EventsLieWhereTheirObjectsAre) {
  const auto told = [](const char* name_space, const char* about) {
    return Told(CheckEvent(
        {{"metadata", {{"namespace", name_space}}}, {"involvedObject", {{"namespace", about}}}}));
  };
  EXPECT_EQ(told("a", "a"), "");
  EXPECT_EQ(told("default", ""), "");
  EXPECT_EQ(told("a", ""),
            "involvedObject.namespace: Invalid value: \"\": does not match event.namespace");
  EXPECT_NE(told("a", "b"), "");
}

TEST(BuiltInChecksTest, FinalizersHaveADomainOrAreKnown) {
  EXPECT_EQ(Told(CheckFinalizers({{"metadata", {{"finalizers", {"a.io/b", "orphan"}}}}})), "");
  EXPECT_EQ(Told(CheckFinalizers({{"metadata", {{"finalizers", {"a.io/b", "keep"}}}}})),
            "metadata.finalizers[1]: Invalid value: \"keep\": name is neither a standard finalizer "
            "name nor is it fully qualified");
}

TEST(BuiltInRulesTest, ServicesAndPodsHaveTheirDefaults) {
  Json service = Json::parse(R"({"spec": {"ports": [{"port": 80}]}})");
  FillBuiltIn(*FindKind("v1", "Service"), service);
  EXPECT_EQ(service, Json::parse(R"({"spec": {"type": "ClusterIP", "sessionAffinity": "None",
      "internalTrafficPolicy": "Cluster",
      "ports": [{"port": 80, "targetPort": 80, "protocol": "TCP"}]},
      "status": {"loadBalancer": {}}})"));
  const Json once = service;
  FillBuiltIn(*FindKind("v1", "Service"), service);
  EXPECT_EQ(service, once);
  Json pod = Json::parse(R"({"spec": {"containers": [{"ports": [{"containerPort": 1}]}, 5]}})");
  FillBuiltIn(*FindKind("v1", "Pod"), pod);
  EXPECT_EQ(pod["spec"]["containers"][0]["ports"][0]["protocol"], "TCP");
  EXPECT_EQ(pod["status"]["phase"], "Pending");
}

TEST(BuiltInRulesTest, WhatIsKeptIsNotJudgedAgain) {
  const Kind& kind = *FindKind("batch/v1", "Job");
  const Json old = Json::parse(R"({"metadata": {"finalizers": ["keep"]}, "spec": {}})");
  Json job = old;
  job["status"] = {{"active", 1}};
  EXPECT_EQ(Told(ValidateBuiltIn(kind, job, &old)), "");
  EXPECT_NE(Told(ValidateBuiltIn(kind, job, nullptr)), "");
  job["spec"]["parallelism"] = 2;
  EXPECT_NE(Told(ValidateBuiltIn(kind, job, &old)), "");
  job = old;
  job["metadata"]["finalizers"].push_back("more");
  EXPECT_NE(Told(ValidateBuiltIn(kind, job, &old)), "");
}

}  // namespace
}  // namespace throng::kube::server
