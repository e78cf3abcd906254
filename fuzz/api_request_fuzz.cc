// The parts of a request that the API server takes apart itself: the target's path and parameters,
// the Accept header, the credential, a body in protobuf. First line: the target; second: Accept;
// third: Authorization; then the body.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "kube/rest/access.h"
#include "kube/rest/api_request.h"
#include "kube/rest/protobuf_body.h"
#include "kube/rest/reply_format.h"

namespace {

std::string TakeLine(std::string_view& text) {
  const size_t end = text.find('\n');
  std::string line(text.substr(0, end));
  text = end == text.npos ? std::string_view() : text.substr(end + 1);
  return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace throng::kube::server;  // NOLINT: one function
  std::string_view text(reinterpret_cast<const char*>(data), size);
  throng::http::Request request;
  request.method = "GET";
  request.target = TakeLine(text);
  request.path = request.target.substr(0, request.target.find('?'));
  request.headers.push_back({"Accept", TakeLine(text)});
  request.headers.push_back({"Authorization", TakeLine(text)});
  const Query query = Query::Parse(request.target);
  static_cast<void>(query.Number("limit").ok());
  static_cast<void>(query.IsTrue("watch"));
  if (const auto path = ParseResourcePath(request.path)) {
    static_cast<void>(VerbOf(request.method, *path, query));
  }
  static_cast<void>(NegotiateForm(request, query).ok());
  static_cast<void>(BearerToken(request));
  static_cast<void>(ParseProtobufBody(text).ok());
  return 0;
}
