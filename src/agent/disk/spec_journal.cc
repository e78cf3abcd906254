#include "agent/disk/spec_journal.h"

#include <atomic>
#include <utility>

#include "base/control_limits.h"
#include "base/kill_point.h"

namespace throng::agent {
namespace {

constexpr std::string_view kKnownLine = "{\"known\":true}\n";
// When the disk refused: then it is tried again.
constexpr std::chrono::seconds kRetry{5};
// More lines than this, and than twice the models: the file is written anew.
constexpr size_t kFewLines = 1000;

std::string Printed(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

// On the thread.
class SpecJournal::Writer {
 public:
  Writer(std::string path, os::DirectoryTree& disk) : path_(std::move(path)), disk_(disk) {}

  Status Rewrite(std::string_view text) {
    file_.reset();
    const std::string draft = path_ + ".new";
    THRONG_RETURN_IF_ERROR(disk_.RemoveTree(draft));
    THRONG_ASSIGN_OR_RETURN(auto file, disk_.CreateFile(draft));
    THRONG_RETURN_IF_ERROR(file->WriteAt(0, text));
    THRONG_RETURN_IF_ERROR(file->Sync());
    Status placed = disk_.Rename(draft, path_);
    if (placed.code() == StatusCode::kAlreadyExists) {
      placed = disk_.Exchange(draft, path_);
      if (placed.ok()) placed = disk_.RemoveTree(draft);
    }
    THRONG_RETURN_IF_ERROR(placed);
    THRONG_RETURN_IF_ERROR(disk_.SyncDirectory(os::DirectoryName(path_)));
    file_ = std::move(file);
    size_bytes_ = text.size();
    KillPoint("agent.desired.persisted");
    return OkStatus();
  }
  Status Append(std::string_view text) {
    if (file_ == nullptr) return UnavailableError("the file could not be written before");
    THRONG_RETURN_IF_ERROR(file_->WriteAt(size_bytes_, text));
    THRONG_RETURN_IF_ERROR(file_->Sync());
    size_bytes_ += text.size();
    KillPoint("agent.desired.persisted");
    return OkStatus();
  }
  // It is told only once that the disk refuses.
  void Note(const Status& status, const AgentLog& log) {
    if (!status.ok()) file_.reset();
    if (!status.ok() && !failed.load()) {
      log.Warning("The assigned models cannot be kept on disk: " + status.message());
    }
    failed.store(!status.ok());
  }

  std::atomic<bool> failed{false};

 private:
  const std::string path_;
  os::DirectoryTree& disk_;
  std::unique_ptr<os::StagedFile> file_;
  uint64_t size_bytes_ = 0;
};

SpecJournal::SpecJournal(os::EventLoop& loop, std::string path, const AgentLog& log,
                         os::DirectoryTree* disk)
    : loop_(loop),
      path_(std::move(path)),
      log_(log),
      writer_(std::make_shared<Writer>(path_, disk == nullptr ? os::RealDirectoryTree() : *disk)),
      thread_(1) {}

SpecJournal::~SpecJournal() {
  *alive_ = false;
  if (timer_ != 0 || writer_->failed.load()) Write();
  loop_.CancelTimer(timer_);
  loop_.CancelTimer(retry_timer_);
}

std::optional<std::vector<ModelSpec>> SpecJournal::Read() {
  const auto text = os::RealFileSystem().Read(path_, limits::kAgentJournalBytes);
  if (!text.ok()) {
    if (text.status().code() != StatusCode::kNotFound) {
      log_.Warning("The last known models cannot be read: " + text.status().message());
    }
    return std::nullopt;
  }
  for (std::string_view rest = *text; !rest.empty();) {
    const size_t end = rest.find('\n');
    // What has no end was not written whole.
    if (end == std::string_view::npos) break;
    ReadLine(rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
  if (!known_) return std::nullopt;
  std::vector<ModelSpec> specs;
  for (const auto& [model, line] : lines_) {
    auto spec = SpecFromJson(Json::parse(line));
    if (spec.ok()) specs.push_back(std::move(*spec));
  }
  return specs;
}

void SpecJournal::ReadLine(std::string_view line) {
  const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return;
  if (json.contains("known")) known_ = true;
  const auto gone = json.find("gone");
  if (gone != json.end() && gone->is_string()) lines_.erase(gone->get<std::string>());
  const auto spec = SpecFromJson(json);
  if (spec.ok()) lines_[spec->model] = Printed(SpecToJson(*spec));
}

void SpecJournal::SetKnown() {
  if (std::exchange(known_, true)) return;
  Change(std::string(kKnownLine));
}

void SpecJournal::Set(const ModelSpec& spec) {
  std::string line = Printed(SpecToJson(spec));
  std::string& known = lines_[spec.model];
  if (known == line) return;
  known = line;
  Change(std::move(line));
}

void SpecJournal::Remove(const std::string& model) {
  if (lines_.erase(model) == 0) return;
  Change(Printed({{"gone", model}}));
}

void SpecJournal::Change(std::string line) {
  pending_ += line;
  ++written_lines_;
  if (timer_ != 0) return;
  timer_ = loop_.StartTimer(loop_.clock().Now() + Duration(limits::kAgentJournalDelay), [this] {
    timer_ = 0;
    Write();
  });
}

std::string SpecJournal::Snapshot() const {
  std::string text = known_ ? std::string(kKnownLine) : std::string();
  for (const auto& [model, line] : lines_) text += line;
  return text;
}

void SpecJournal::LookBack() {
  loop_.CancelTimer(retry_timer_);
  retry_timer_ = loop_.StartTimer(loop_.clock().Now() + Duration(kRetry), [this] {
    retry_timer_ = 0;
    if (writer_->failed.load()) Write();
  });
}

void SpecJournal::AfterWrite(std::function<void()> done) {
  waiting_.push_back(std::move(done));
  Flush();
}

void SpecJournal::Flush() {
  if (is_flushing_ || waiting_.empty()) return;
  is_flushing_ = true;
  loop_.Post([this, alive = alive_] {
    if (*alive) WriteForThoseThatWait();
  });
}

void SpecJournal::WriteForThoseThatWait() {
  if (timer_ != 0) {
    loop_.CancelTimer(std::exchange(timer_, 0));
    Write();
  }
  // Behind the writes, on the same thread.
  thread_.Run<bool>([] { return true; }, loop_,
                    [this, alive = alive_, done = std::exchange(waiting_, {})](bool) {
                      if (!*alive) return;
                      is_flushing_ = false;
                      Flush();
                      for (const auto& each : done) each();
                    });
}

// Writes follow each other on the one thread.
void SpecJournal::Write() {
  LookBack();
  const bool is_old = written_lines_ > kFewLines && written_lines_ > 2 * lines_.size();
  if (rewrite_ || is_old || writer_->failed.load()) {
    rewrite_ = false;
    written_lines_ = lines_.size();
    pending_.clear();
    thread_.Post([writer = writer_, &log = log_, text = Snapshot()] {
      writer->Note(writer->Rewrite(text), log);
    });
    return;
  }
  thread_.Post([writer = writer_, &log = log_, text = std::exchange(pending_, std::string())] {
    writer->Note(writer->Append(text), log);
  });
}

}  // namespace throng::agent
