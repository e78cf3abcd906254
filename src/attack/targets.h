// AttackTarget: one request of an attack, and the file format that lists them (vegeta's "http"
// format):
//
//   POST http://triton-mms.default.svc.cluster.local/v2/models/cifar10/infer
//   Content-Type: application/json
//   @/var/vegeta/payload
//
//   GET http://triton-mms.default/v2/health/ready
//
// A body comes from wherever the caller takes files from, never from a path as such. Pure.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "http/server.h"

namespace throng::attack {

// By absolute path.
using AttackFiles = std::map<std::string, std::string>;

struct AttackTarget {
  std::string method;
  std::string url;  // "http://..."
  std::vector<http::Header> headers;
  std::shared_ptr<const std::string> body;  // null: none
};

// The file that "@path" names.
using BodyReader = std::function<Result<std::string>(const std::string& path)>;

// At least one. ERRORS: kInvalidArgument — with the line and the rule, and those of `read_body`.
Result<std::vector<AttackTarget>> ParseTargets(std::string_view text, const BodyReader& read_body);
// Of the file `path` among `files`, bodies too. ERRORS: as above, kNotFound — no such file.
Result<std::vector<AttackTarget>> TargetsOf(const std::string& path, const AttackFiles& files);

}  // namespace throng::attack
