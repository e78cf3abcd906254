// What Kubernetes' own libraries made of some inputs (testdata/, written by testdata/goldens).
//
//   for (const Json& row : testing::Goldens("quantities.json")) { ... row["text"] ... }
#pragma once

#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "kube/json.h"

namespace throng::kube::testing {

inline Json Goldens(const std::string& file) {
  std::ifstream stream(std::string(THRONG_SOURCE_DIR) + "/src/kube/testdata/" + file);
  std::stringstream text;
  text << stream.rdbuf();
  Json rows = Json::parse(text.str(), nullptr, false);
  EXPECT_TRUE(rows.is_array() && !rows.empty()) << file;
  return rows;
}

}  // namespace throng::kube::testing
