#include "agent/disk/model_record.h"

#include "storage/checksum.h"

namespace throng::agent {
namespace {

Json FilesToJson(const std::vector<RecordedFile>& files) {
  Json list = Json::array();
  for (const RecordedFile& file : files) {
    list.push_back({{"path", file.path},
                    {"size", file.size_bytes},
                    {"modified", file.modified_ns},
                    {"sha256", file.sha256}});
  }
  return list;
}

std::string Printed(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json BodyOf(const ModelRecord& record) {
  return {{"model", record.model},
          {"uid", record.uid},
          {"generation", record.generation},
          {"storageUri", record.storage_uri},
          {"pin", record.pin},
          {"reload", record.reload},
          {"digest", record.digest},
          {"version", record.version_text},
          {"successFile", record.success_file},
          {"fetch", record.fetch_id},
          {"bytes", record.bytes},
          {"files", FilesToJson(record.files)}};
}

// A record that was changed on disk is no record.
std::string ChecksumOf(const ModelRecord& record) {
  return storage::Hex(storage::Sha256(Printed(BodyOf(record))));
}

ModelRecord ReadBody(const Json& body) {
  ModelRecord record;
  body.at("model").get_to(record.model);
  body.at("uid").get_to(record.uid);
  body.at("generation").get_to(record.generation);
  body.at("storageUri").get_to(record.storage_uri);
  body.at("pin").get_to(record.pin);
  body.at("reload").get_to(record.reload);
  body.at("digest").get_to(record.digest);
  body.at("version").get_to(record.version_text);
  body.at("successFile").get_to(record.success_file);
  body.at("fetch").get_to(record.fetch_id);
  body.at("bytes").get_to(record.bytes);
  for (const Json& file : body.at("files")) {
    record.files.push_back({.path = file.at("path").get<std::string>(),
                            .size_bytes = file.at("size").get<uint64_t>(),
                            .modified_ns = file.at("modified").get<int64_t>(),
                            .sha256 = file.at("sha256").get<std::string>()});
  }
  return record;
}

}  // namespace

std::string RecordToText(const ModelRecord& record) {
  return Printed({{"record", BodyOf(record)}, {"checksum", ChecksumOf(record)}}) + "\n";
}

Result<ModelRecord> RecordFromText(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    ModelRecord record = ReadBody(json.at("record"));
    if (json.at("checksum") != ChecksumOf(record)) {
      return InvalidArgumentError("the record of a model is damaged");
    }
    THRONG_RETURN_IF_ERROR(CheckModelName(record.model));
    THRONG_RETURN_IF_ERROR(CheckModelName(record.success_file));
    return record;
  } catch (const Json::exception&) {
    return InvalidArgumentError("the record of a model cannot be read");
  }
}

bool Holds(const ModelRecord& record, const ModelSpec& spec) {
  return record.uid == spec.uid && record.storage_uri == spec.storage_uri &&
         record.pin == spec.sha256 && record.reload == spec.reload;
}

}  // namespace throng::agent
