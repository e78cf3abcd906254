// Typed fields of a JSON body, with the texts that Triton has for a field of the wrong type:
// "Unable to parse 'shape': attempt to access JSON non-array as array" (its class is kInternal).
// Stateless functions over a JsonReader.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "json/json_reader.h"
#include "scheduler/inference.h"
#include "tensor/tensor.h"

namespace throng::frontend::rest {

using json::JsonReader;

// "Unable to parse 'FIELD': REASON".
Status UnableToParse(std::string_view field, std::string_view reason);
Status MissingField(std::string_view field);

// Fails unless the next value is of `kind`; `words`: "object", "array", "string", "boolean".
Status ExpectKind(JsonReader& reader, JsonReader::Kind kind, std::string_view field,
                  std::string_view words);
Status ReadStringField(JsonReader& reader, std::string_view field, std::string& value);
Status ReadBoolField(JsonReader& reader, std::string_view field, bool& value);
// ERRORS: kInvalidArgument — more than limits::kTensorRank dimensions.
Status ReadShapeField(JsonReader& reader, std::string_view field, tensor::Shape& shape);

// An object of booleans, numbers and strings. ERRORS: kInvalidArgument — a value of another kind,
// or more than limits::kParametersPerObject.
Status ReadParameters(JsonReader& reader, scheduler::Parameters& parameters);

// Begins the object that is the whole body. ERRORS: kInternal — empty, or something else.
Status BeginBody(JsonReader& reader);

}  // namespace throng::frontend::rest
