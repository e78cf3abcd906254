// Models of the null runner (runners/null/null_config.h says what they can do), and their requests.
#pragma once

#include <string>
#include <string_view>

#include "tests/integration/testing/temporary_folder.h"

namespace throng::integration {

// Writes "<name>/1/model.null" with `lines` and one input, INPUT0 FP32 [-1].
inline void AddNullModel(const TemporaryFolder& folder, const std::string& name,
                         std::string_view lines) {
  folder.Write(name + "/1/model.null", std::string(lines) + "\ninput: FP32 [-1]\n");
}

// One FP32 value for INPUT0.
inline std::string NullRequest(int value) {
  return R"({"inputs":[{"name":"INPUT0","datatype":"FP32","shape":[1],"data":[)" +
         std::to_string(value) + "]}]}";
}

}  // namespace throng::integration
