#include "agent/kserve/models_file.h"

#include <map>
#include <utility>

#include "kube/quantity.h"

namespace throng::agent {
namespace {

// All rows are of one owner: KServe's file knows no object behind a name.
constexpr const char* kUid = "models.json";

std::string TextOf(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

bool SameFile(const os::FileInfo& a, const os::FileInfo& b) {
  return a.kind == b.kind && a.size_bytes == b.size_bytes && a.modified_ns == b.modified_ns &&
         a.inode == b.inode;
}

Result<ModelSpec> ReadRow(const std::string& name, const Json& row, std::chrono::seconds deadline) {
  THRONG_RETURN_IF_ERROR(CheckModelName(name));
  const auto found = row.find("modelSpec");
  if (found == row.end() || !found->is_object()) {
    return InvalidArgumentError("modelSpec must be an object");
  }
  ModelSpec spec;
  spec.model = name;
  spec.uid = kUid;
  spec.storage_uri = TextOf(*found, "storageUri");
  spec.framework = TextOf(*found, "framework");
  spec.deadline = deadline;
  if (spec.storage_uri.empty()) return InvalidArgumentError("storageUri is missing");
  if (const auto memory = found->find("memory"); memory != found->end()) {
    THRONG_ASSIGN_OR_RETURN(const kube::Quantity amount, kube::Quantity::FromJson(*memory));
    spec.memory = amount.ToString();
    spec.memory_bytes = amount.Value();
  }
  // A row that says anything else is another model, as KServe sees it.
  spec.reload = SuccessFileName(spec);
  return spec;
}

}  // namespace

Result<ModelsFileRows> ParseModelsFile(std::string_view text, std::chrono::seconds deadline) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_array()) return InvalidArgumentError("it is no JSON list");
  std::map<std::string, const Json*> rows;
  for (const Json& row : json) {
    const std::string name = row.is_object() ? TextOf(row, "modelName") : std::string();
    if (name.empty()) return InvalidArgumentError("a row has no modelName");
    rows[name] = &row;
  }
  ModelsFileRows result;
  for (const auto& [name, row] : rows) {
    Result<ModelSpec> spec = ReadRow(name, *row, deadline);
    if (spec.ok()) {
      result.specs.push_back(std::move(*spec));
      continue;
    }
    result.unreadable.insert(name);
    result.problems.push_back("model '" + name + "': " + spec.status().message());
  }
  return result;
}

ModelsFile::ModelsFile(os::EventLoop& loop, const os::FileSystem& files, std::string path,
                       std::chrono::seconds deadline, const AgentLog& log, DesiredSet& desired)
    : loop_(loop),
      files_(files),
      path_(std::move(path)),
      deadline_(deadline),
      log_(log),
      desired_(desired) {}

ModelsFile::~ModelsFile() { loop_.CancelTimer(timer_); }

void ModelsFile::Look() {
  timer_ = loop_.StartTimer(loop_.clock().Now() + Duration(limits::kAgentServerWatch), [this] {
    timer_ = 0;
    Look();
  });
  // Looked at before it is read: what changes in between is seen the next time.
  const auto info = files_.Stat(path_);
  if (!info.ok()) return Complain(info.status());
  if (info->kind == os::FileKind::kAbsent) {
    seen_.reset();
    return Complain(NotFoundError("it is not there"));
  }
  if (seen_ && SameFile(*seen_, *info)) return;
  const Status status = ReadAgain();
  // What could not be read from the disk is read again, what it says is not.
  if (status.ok() || status.code() == StatusCode::kInvalidArgument ||
      status.code() == StatusCode::kResourceExhausted) {
    seen_ = *info;
  }
  Complain(status);
}

Status ModelsFile::ReadAgain() {
  THRONG_ASSIGN_OR_RETURN(const std::string text, files_.Read(path_, limits::kModelsFileBytes));
  THRONG_ASSIGN_OR_RETURN(ModelsFileRows rows, ParseModelsFile(text, deadline_));
  for (const std::string& problem : rows.problems) {
    log_.Error("models.json: " + problem);
  }
  desired_.ReplaceAll(std::move(rows.specs), rows.unreadable);
  return OkStatus();
}

// Once for each complaint, however often it is looked at.
void ModelsFile::Complain(const Status& status) {
  if (status.message() == complaint_) return;
  complaint_ = status.message();
  if (status.ok()) return log_.Info("models.json can be read again");
  log_.Warning("models.json cannot be used, and models stay as they are: " + complaint_);
}

}  // namespace throng::agent
