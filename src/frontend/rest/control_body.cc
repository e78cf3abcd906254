#include "frontend/rest/control_body.h"

#include <string>

#include "frontend/rest/json_fields.h"
#include "json/json_reader.h"

namespace throng::frontend::rest {
namespace {

using scheduler::Parameters;

// `body`: an object with "parameters", or empty. Other keys are skipped.
Status ReadBodyParameters(std::string_view body, Parameters& parameters) {
  if (body.empty()) return OkStatus();
  JsonReader reader(body);
  THRONG_RETURN_IF_ERROR(BeginBody(reader));
  std::string_view key;
  while (reader.NextMember(key)) {
    if (key == "parameters") {
      THRONG_RETURN_IF_ERROR(ReadParameters(reader, parameters));
    } else {
      reader.Skip();
    }
  }
  reader.ExpectEnd();
  return reader.status();
}

Status UnknownParameter(std::string_view verb, std::string_view key) {
  return InternalError("unrecognized parameter '" + std::string(key) + "' in " + std::string(verb) +
                       " request");
}

}  // namespace

Result<bool> DecodeIndexBody(std::string_view body) {
  bool ready_only = false;
  if (body.empty()) return ready_only;
  JsonReader reader(body);
  THRONG_RETURN_IF_ERROR(BeginBody(reader));
  std::string_view key;
  while (reader.NextMember(key)) {
    if (key == "ready") {
      const Status status = ReadBoolField(reader, key, ready_only);
      if (!status.ok() && reader.ok()) return InvalidArgumentError(status.message());
    } else {
      reader.Skip();
    }
  }
  reader.ExpectEnd();
  THRONG_RETURN_IF_ERROR(reader.status());
  return ready_only;
}

Status DecodeLoadBody(std::string_view body) {
  Parameters parameters;
  THRONG_RETURN_IF_ERROR(ReadBodyParameters(body, parameters));
  for (const auto& [key, value] : parameters) {
    if (key == "config" || key.starts_with("file:")) {
      return UnimplementedError("load parameter '" + key + "' is not supported yet");
    }
    return UnknownParameter("load", key);
  }
  return OkStatus();
}

Status DecodeUnloadBody(std::string_view body) {
  Parameters parameters;
  THRONG_RETURN_IF_ERROR(ReadBodyParameters(body, parameters));
  for (const auto& [key, value] : parameters) {
    if (key != "unload_dependents") return UnknownParameter("unload", key);
    if (!std::holds_alternative<bool>(value)) {
      return UnableToParse(key, "attempt to access JSON non-boolean as boolean");
    }
  }
  return OkStatus();
}

}  // namespace throng::frontend::rest
