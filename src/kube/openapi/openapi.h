// OpenAPI: what clients read to check manifests, to explain fields, to find out how lists are
// merged and which requests can be dry runs. Version 3 comes in parts, one per group version;
// version 2 is one document, as JSON or in the messages of gnostic, which is all that kubectl up
// to 1.28 takes.
//
//   if (const Document document = OpenApiV3("batch", "v1")) { ... } else { ... 404 ... }
//
// Documents are made at each call, in megabytes of memory for a moment: callers keep what they
// serve. Thread-safe: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "kube/kinds/discovery.h"

namespace throng::kube {

// /openapi/v3: where the parts are, each with a hash that changes with its content.
Document OpenApiV3Index();
// /openapi/v3/api/v1 and /openapi/v3/apis/GROUP/VERSION; null: there is no such part.
Document OpenApiV3(std::string_view group, std::string_view version);
// The hash that the index tells for it; empty: there is no such part. Serves as an ETag.
std::string OpenApiV3Hash(std::string_view group, std::string_view version);

// Whether a client that sends this Accept to /openapi/v2 takes the messages of gnostic.
bool WantsOpenApiV2Protobuf(std::string_view accept);
// The type of the reply, which differs from the one that clients ask for.
inline constexpr std::string_view kOpenApiV2ProtobufType =
    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
Document OpenApiV2Json();
Document OpenApiV2Protobuf();

}  // namespace throng::kube
