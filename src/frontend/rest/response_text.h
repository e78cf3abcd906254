// The JSON texts of the replies that are not inferences, in Triton's key order. Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "residency/model_control.h"

namespace throng::frontend::rest {

// {"name":"triton","version":"0.1.0","extensions":[...]}: only extensions that work.
std::string ServerMetadataText(std::string_view name, std::string_view version);
// {"live":true,"ready":true}: the union of what OIP and KServe show for both health routes.
std::string HealthText(bool ready);
// {"name":"cifar10","versions":["1"],"platform":"pytorch_libtorch","inputs":[...],"outputs":[...]}
std::string ModelMetadataText(const residency::ModelView& view);
// Triton's ModelConfig as JSON: names of the proto's fields, defaults printed, enums as names.
std::string ModelConfigText(const residency::ModelView& view);
// [{"name":"a","version":"1","state":"READY"},{"name":"b"}]
std::string RepositoryIndexText(const std::vector<residency::IndexEntry>& entries);
// {"name":"a","ready":true}; `word` is "ready", "load" or "unload" (KServe's bodies).
std::string ModelDoneText(std::string_view name, std::string_view word);

}  // namespace throng::frontend::rest
