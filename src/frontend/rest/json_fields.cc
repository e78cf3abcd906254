#include "frontend/rest/json_fields.h"

#include <utility>

#include "base/limits.h"

namespace throng::frontend::rest {
namespace {

using Kind = JsonReader::Kind;

Status ReadParameter(JsonReader& reader, std::string_view key, scheduler::ParameterValue& value) {
  switch (reader.Peek()) {
    case Kind::kBool: {
      bool flag = false;
      reader.ReadBool(flag);
      value = flag;
      return reader.status();
    }
    case Kind::kString: {
      std::string text;
      reader.ReadString(text);
      value = std::move(text);
      return reader.status();
    }
    case Kind::kNumber: {
      JsonReader::Number number;
      reader.ReadNumber(number);
      if (number.is_integer) {
        value = number.integer;
      } else {
        value = number.real;
      }
      return reader.status();
    }
    case Kind::kEnd:
      reader.Skip();
      return reader.status();
    default:
      return InvalidArgumentError("parameter '" + std::string(key) +
                                  "' has invalid type. It should be either 'int', 'bool', "
                                  "'string', or 'double'.");
  }
}

}  // namespace

Status UnableToParse(std::string_view field, std::string_view reason) {
  return InternalError("Unable to parse '" + std::string(field) + "': " + std::string(reason));
}

Status MissingField(std::string_view field) {
  return UnableToParse(field,
                       "attempt to access non-existing object member '" + std::string(field) + "'");
}

Status ExpectKind(JsonReader& reader, Kind kind, std::string_view field, std::string_view words) {
  const Kind found = reader.Peek();
  if (found == kind) return OkStatus();
  if (found == Kind::kEnd) {
    reader.Skip();
    return reader.status();
  }
  const std::string name(words);
  return UnableToParse(field, "attempt to access JSON non-" + name + " as " + name);
}

Status ReadStringField(JsonReader& reader, std::string_view field, std::string& value) {
  THRONG_RETURN_IF_ERROR(ExpectKind(reader, Kind::kString, field, "string"));
  reader.ReadString(value);
  return reader.status();
}

Status ReadBoolField(JsonReader& reader, std::string_view field, bool& value) {
  THRONG_RETURN_IF_ERROR(ExpectKind(reader, Kind::kBool, field, "boolean"));
  reader.ReadBool(value);
  return reader.status();
}

Status ReadShapeField(JsonReader& reader, std::string_view field, tensor::Shape& shape) {
  THRONG_RETURN_IF_ERROR(ExpectKind(reader, Kind::kArray, field, "array"));
  shape.clear();
  reader.BeginArray();
  while (reader.NextElement()) {
    THRONG_RETURN_IF_ERROR(ExpectKind(reader, Kind::kNumber, field, "unsigned-integer"));
    JsonReader::Number number;
    if (!reader.ReadNumber(number)) break;
    if (!number.is_integer || number.integer < 0) {
      return UnableToParse(field,
                           "attempt to access JSON non-unsigned-integer as unsigned-integer");
    }
    if (shape.size() == limits::kTensorRank) {
      return InvalidArgumentError("'" + std::string(field) + "' has more than " +
                                  std::to_string(limits::kTensorRank) + " dimensions");
    }
    shape.push_back(number.integer);
  }
  return reader.status();
}

Status ReadParameters(JsonReader& reader, scheduler::Parameters& parameters) {
  THRONG_RETURN_IF_ERROR(ExpectKind(reader, Kind::kObject, "parameters", "object"));
  reader.BeginObject();
  std::string_view key;
  while (reader.NextMember(key)) {
    if (parameters.size() == limits::kParametersPerObject) {
      return InvalidArgumentError("'parameters' has more than " +
                                  std::to_string(limits::kParametersPerObject) + " members");
    }
    scheduler::ParameterValue value;
    THRONG_RETURN_IF_ERROR(ReadParameter(reader, key, value));
    parameters.emplace_back(std::string(key), std::move(value));
  }
  return reader.status();
}

Status BeginBody(JsonReader& reader) {
  const Kind kind = reader.Peek();
  if (kind == Kind::kEnd && reader.remaining() == 0) {
    return InternalError("failed to parse the request JSON buffer: The document is empty. at 0");
  }
  if (kind != Kind::kObject && kind != Kind::kEnd) {
    return InternalError("Unable to parse the request: the JSON document is not an object");
  }
  reader.BeginObject();
  return reader.status();
}

}  // namespace throng::frontend::rest
