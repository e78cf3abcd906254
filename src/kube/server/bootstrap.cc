#include "kube/server/bootstrap.h"

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace throng::kube::server {
namespace {

constexpr std::array<std::string_view, 5> kNamespaces = {
    "default", "kube-system", "knative-serving", "kfserving-system", "kserve"};

Json Namespace(std::string_view name) {
  return {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", name}}}};
}

Json ConfigMap(std::string_view name_space, std::string_view name, Json data) {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata", {{"name", name}, {"namespace", name_space}}},
          {"data", std::move(data)}};
}

Json Predictor(std::vector<std::string> frameworks, bool is_multi_model) {
  return {{"supportedFrameworks", std::move(frameworks)}, {"multiModelServer", is_multi_model}};
}

// Of KServe's predictors, those that its users name; one of them serves many models.
Json Predictors() {
  return {
      {"triton", Predictor({"tensorrt", "tensorflow", "onnx", "pytorch", "caffe2"}, true)},
      {"tensorflow", Predictor({"tensorflow"}, false)},
      {"onnx", Predictor({"onnx"}, false)},
      {"sklearn", {{"v1", Predictor({"sklearn"}, false)}, {"v2", Predictor({"sklearn"}, false)}}},
      {"xgboost", {{"v1", Predictor({"xgboost"}, false)}, {"v2", Predictor({"xgboost"}, false)}}},
      {"pytorch", Predictor({"pytorch"}, false)},
      {"pmml", Predictor({"pmml"}, false)},
      {"lightgbm", Predictor({"lightgbm"}, false)}};
}

struct Item {
  std::string resource;
  Json object;
};

std::vector<Item> Items() {
  std::vector<Item> items;
  for (const std::string_view name : kNamespaces) {
    items.push_back({"namespaces", Namespace(name)});
  }
  items.push_back({"configmaps", ConfigMap("knative-serving", "config-deployment",
                                           {{"progressDeadline", "120s"}})});
  items.push_back({"configmaps", ConfigMap("kfserving-system", "inferenceservice-config",
                                           {{"predictors", Predictors().dump(4)}})});
  return items;
}

void MakeNext(Objects& objects, std::shared_ptr<std::vector<Item>> items, size_t next,
              Done<Status> done) {
  if (next == items->size()) return done(OkStatus());
  const Item& item = (*items)[next];
  objects.Create(item.resource, item.object,
                 [&objects, items, next, done = std::move(done)](Result<Json> made) mutable {
                   if (!made.ok() && made.status().code() != StatusCode::kAlreadyExists) {
                     return done(made.status().WithContext("first start"));
                   }
                   MakeNext(objects, std::move(items), next + 1, std::move(done));
                 });
}

}  // namespace

void Bootstrap(Objects& objects, Done<Status> done) {
  MakeNext(objects, std::make_shared<std::vector<Item>>(Items()), 0, std::move(done));
}

}  // namespace throng::kube::server
