// Mirrors: places of the operator's that hold what public buckets hold, for sites without internet.
// A URI keeps its name everywhere (spec, status, log); only where its bytes come from changes.
//
//   --mirror gs://kfserving-examples/=/srv/examples      a folder with the bucket's layout
//   --mirror gs://kfserving-examples/=https://mirror/x/  a web server with it
//
// Prefixes match whole path segments; the longest one wins. A web server has no listing: what was a
// folder there is an archive beside its name (PATH.tgz, PATH.tar.gz, PATH.tar, PATH.zip).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace throng::storage {

struct Mirror {
  std::string prefix;  // "gs://kfserving-examples/models", without a trailing slash
  std::string target;  // an absolute path or an http(s) address, without a trailing slash
  bool is_directory = false;
};

// "PREFIX=TARGET". ERRORS: kInvalidArgument — says which rule of the option is broken.
Result<Mirror> ParseMirror(std::string_view text);

struct MirroredPlace {
  const Mirror* mirror = nullptr;
  std::string rest;  // of the URI below the prefix: "models/cifar10"; may be empty
};

// Nothing: no mirror holds `uri` (as written).
std::optional<MirroredPlace> FindMirror(const std::vector<Mirror>& mirrors, std::string_view uri);

}  // namespace throng::storage
