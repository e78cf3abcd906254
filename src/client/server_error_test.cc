#include "client/server_error.h"

#include <gtest/gtest.h>

#include "kube/api_error.h"

namespace throng::client {
namespace {

std::string Body(const kube::ApiError& error) { return kube::PrintJson(kube::StatusObject(error)); }

TEST(ServerErrorTest, SaysWhatKubectlSays) {
  const Status not_found =
      ServerError(404, Body(kube::NotFoundError("serving.kubeflow.org", "trainedmodels", "x")), "");
  EXPECT_EQ(not_found.code(), StatusCode::kNotFound);
  EXPECT_EQ(not_found.message(),
            "Error from server (NotFound): trainedmodels.serving.kubeflow.org \"x\" not found");
  const Status there = ServerError(409, Body(kube::AlreadyExistsError("", "pods", "a")),
                                   "error when creating \"f\": ");
  EXPECT_EQ(there.code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(there.message(),
            "Error from server (AlreadyExists): error when creating \"f\": pods \"a\" already "
            "exists");
  EXPECT_EQ(ServerError(401, Body(kube::UnauthorizedError()), "").message(),
            "error: You must be logged in to the server (Unauthorized)");
  EXPECT_EQ(ServerError(409, Body(kube::ConflictError("", "pods", "a", "why")), "").code(),
            StatusCode::kAborted);
  EXPECT_EQ(ServerError(410, Body(kube::ExpiredError("old")), "").code(), StatusCode::kOutOfRange);
}

TEST(ServerErrorTest, CausesAreListed) {
  const kube::ApiCause one{"FieldValueInvalid", "Invalid value: \"x\"", "spec.memory"};
  const kube::ApiCause two{"FieldValueRequired", "Required value", "spec.model"};
  EXPECT_EQ(
      ServerError(422, Body(kube::InvalidError("g", "TrainedModel", "m", {one})), "").message(),
      "The TrainedModel \"m\" is invalid: spec.memory: Invalid value: \"x\"");
  EXPECT_EQ(
      ServerError(422, Body(kube::InvalidError("g", "TrainedModel", "m", {one, two, one})), "")
          .message(),
      "The TrainedModel \"m\" is invalid: \n* spec.memory: Invalid value: \"x\"\n* "
      "spec.model: Required value");
  EXPECT_EQ(ServerError(422, R"({"kind":"Status","reason":"Invalid","message":"m"})", "").message(),
            "The request is invalid: m");
}

TEST(ServerErrorTest, WhatIsNoStatusIsToldToo) {
  EXPECT_EQ(ServerError(404, "404 page not found", "").message(),
            "Error from server (NotFound): the server could not find the requested resource");
  EXPECT_EQ(ServerError(502, "<html>bad\n", "").message(),
            "Error from server: status 502: <html>bad\\x0a");
  EXPECT_EQ(ServerError(500, "x", "").code(), StatusCode::kInternal);
  EXPECT_EQ(ServerError(503, "", "").code(), StatusCode::kUnavailable);
}

TEST(ErrorLineTest, OurOwnErrorsAreMarked) {
  EXPECT_EQ(ErrorLine(NotFoundError("x")), "error: x\n");
  for (const char* text : {"Error from server (A): x", "The Pod \"x\" is invalid", "error: x"}) {
    EXPECT_EQ(ErrorLine(NotFoundError(text)), std::string(text) + "\n");
  }
}

}  // namespace
}  // namespace throng::client
