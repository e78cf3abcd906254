#include "agent/downloader.h"

#include <utility>

#include "agent/disk/config_name.h"
#include "base/kill_point.h"
#include "base/limits.h"

namespace throng::agent {
namespace {

storage::FetchRequest RequestOf(const ModelSpec& spec, const storage::Credentials& credentials,
                                MonotonicTime deadline, storage::CancelFlag& cancel) {
  storage::FetchRequest request;
  request.credentials = credentials;
  request.uri = spec.storage_uri;
  request.expected_sha256 = spec.sha256;
  request.deadline = deadline;
  request.cancel = &cancel;
  return request;
}

std::string DiskReason(const Status& status) {
  return std::string(storage::FetchReasonName(status.code() == StatusCode::kResourceExhausted
                                                  ? storage::FetchReason::kDiskFull
                                                  : storage::FetchReason::kDiskFailed));
}

}  // namespace

DownloadOutcome Downloader::Download(const ModelSpec& spec, const storage::Credentials& credentials,
                                     const std::string& fetch_id, MonotonicTime deadline,
                                     storage::CancelFlag& cancel) const {
  DownloadOutcome outcome;
  log_.Info("Downloading " + PrintableUri(spec.storage_uri) + " to model dir " + shown_models_);
  outcome.status = store_.ClearStaging(spec.model);
  if (!outcome.status.ok()) {
    outcome.reason = DiskReason(outcome.status);
    return outcome;
  }
  storage::FetchRequest request = RequestOf(spec, credentials, deadline, cancel);
  request.destination = store_.StagingPath(spec.model);
  KillPoint("agent.download.before");
  storage::FetchOutcome fetched = fetcher_.Fetch(request);
  outcome.status = fetched.status;
  outcome.reason = storage::FetchReasonName(fetched.reason);
  if (!outcome.status.ok()) return outcome;
  KillPoint("agent.download.after");
  ModelRecord& record = outcome.record;
  record.model = spec.model;
  record.uid = spec.uid;
  record.generation = spec.generation;
  record.storage_uri = spec.storage_uri;
  record.pin = spec.sha256;
  record.reload = spec.reload;
  record.digest = std::move(fetched.report.digest);
  record.version_text = std::move(fetched.report.version_text);
  record.success_file = SuccessFileName(spec);
  record.fetch_id = fetch_id;
  outcome.status = Finish(spec, outcome);
  if (!outcome.status.ok()) outcome.reason = DiskReason(outcome.status);
  return outcome;
}

std::string Downloader::NameProblem(const std::string& model) const {
  const auto config = store_.ReadStaged(model, "config.pbtxt", limits::kModelConfigBytes);
  const auto name = config.ok() ? ConfigName(*config) : std::nullopt;
  if (!name || name->empty() || *name == model) return "";
  return "the model's config.pbtxt says name: \"" + *name + "\", and the TrainedModel is named \"" +
         model + "\"; the two must be the same";
}

Status Downloader::Finish(const ModelSpec& spec, DownloadOutcome& outcome) const {
  outcome.name_problem = NameProblem(spec.model);
  log_.Info("Creating successFile " + shown_models_ + "/" + spec.model + "/" +
            outcome.record.success_file);
  return store_.Seal(outcome.record);
}

storage::VersionOutcome Downloader::CheckVersion(const ModelSpec& spec,
                                                 const storage::Credentials& credentials,
                                                 MonotonicTime deadline,
                                                 storage::CancelFlag& cancel) const {
  return fetcher_.CheckVersion(RequestOf(spec, credentials, deadline, cancel));
}

}  // namespace throng::agent
