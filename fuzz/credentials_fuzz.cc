// What Secrets hold: whatever an entry of one is, it is read without harm, and what the controllers
// make of it is a text that the agent can read.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/base64.h"
#include "base/check.h"
#include "kube/json.h"
#include "reconcilers/credentials/credential_reader.h"
#include "storage/credentials.h"

namespace throng {
namespace {

using kube::Json;

// Every entry that is looked for has the same bytes.
Json SecretOf(std::string_view entry) {
  Json secret = {{"metadata", {{"name", "s"}, {"uid", "u"}, {"resourceVersion", "1"}}}};
  for (const char* const name :
       {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_CA_BUNDLE",
        "gcloud-application-credentials.json", "https-host", "headers", "default"}) {
    secret["data"][name] = EncodeBase64(entry);
  }
  return secret;
}

void Read(const reconcilers::CredentialsAsked& asked, const Json& secret) {
  const reconcilers::CredentialSet set = reconcilers::GatherCredentials(
      asked, reconcilers::CredentialsConfig(),
      [&](std::string_view resource, const std::string&) -> std::optional<Json> {
        if (resource == "secrets") return secret;
        return Json({{"secrets", {{{"name", "s"}}}}, {"data", {{"cabundle.crt", "x"}}}});
      });
  if (set.document.empty()) return;
  THRONG_CHECK(storage::CredentialsFromText(kube::PrintJson(set.document)).ok());
}

}  // namespace
}  // namespace throng

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)throng::storage::CredentialsFromText(text);
  (void)throng::reconcilers::ReadCredentialsConfig(text);
  throng::kube::Json secret = throng::SecretOf(text);
  throng::Read({}, secret);
  throng::Read({.account = "a"}, secret);
  throng::Read({.secret = "s"}, secret);
  throng::Read({.storage_key = "default"}, secret);
  // Without the entries that make it one of S3, it is one of another kind.
  secret["data"].erase("AWS_SECRET_ACCESS_KEY");
  throng::Read({.account = "a"}, secret);
  secret["data"].erase("gcloud-application-credentials.json");
  throng::Read({.account = "a"}, secret);
  return 0;
}
