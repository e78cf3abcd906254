// The numbers of the fields of Kubernetes' messages in protobuf, by the names that their components
// have in OpenAPI and that our schemas have too. Types are not here: the schema tells them.
//
//   ProtobufFields("io.k8s.api.core.v1.Secret")  ->  "1 metadata 2 data 3 type? ..."
//   FindProtobufField(fields, 3)                 ->  {"type", omits_zero}
//
// Thread-safe: constants and pure functions.
#pragma once

#include <optional>
#include <string_view>

namespace throng::kube::server {

struct ProtobufField {
  std::string_view name;    // of the field in JSON; of the message, when it is inline
  bool is_inline = false;   // its fields are, in JSON, those of the message around it
  bool omits_zero = false;  // a zero, or an empty text, stands for nothing
};

// Nothing: there is no such message.
std::optional<std::string_view> ProtobufFields(std::string_view message);
std::optional<ProtobufField> FindProtobufField(std::string_view fields, int number);

}  // namespace throng::kube::server
