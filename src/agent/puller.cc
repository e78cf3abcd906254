#include "agent/puller.h"

#include <utility>

namespace throng::agent {
namespace {

constexpr int kDiskThreads = 4;

std::function<std::shared_ptr<const storage::Credentials>(const std::string&)> Anonymous() {
  return
      [none = std::make_shared<const storage::Credentials>()](const std::string&) { return none; };
}

}  // namespace

Puller::Puller(PullerParts parts, PullerOptions options)
    : options_(std::move(options)),
      loop_(parts.loop),
      server_(parts.server),
      fetch_threads_(static_cast<int>(options_.fetches)),
      disk_threads_(kDiskThreads),
      context_{.loop = parts.loop,
               .random = parts.random,
               .log = parts.log,
               .store = parts.store,
               .downloader = parts.downloader,
               .server = parts.server,
               .fetch_slots = std::make_shared<Slots>(parts.loop, options_.fetches),
               .load_slots = std::make_shared<Slots>(parts.loop, options_.loads),
               .fetch_threads = fetch_threads_,
               .disk_threads = disk_threads_,
               .credentials = options_.credentials ? options_.credentials : Anonymous(),
               .on_change = options_.on_change,
               .on_gone = [this](const std::string& model, const std::string& uid) {
                 OnGone(model, uid);
               }} {}

Puller::~Puller() { *alive_ = false; }

ModelWorker& Puller::WorkerOf(const std::string& model) {
  std::shared_ptr<ModelWorker>& worker = workers_[model];
  if (worker == nullptr) {
    worker = std::make_shared<ModelWorker>(context_, model);
    // Whose bytes the server holds under this name, nobody knows.
    if (ready_.erase(model) > 0) worker->OnServerUp(/*is_ready=*/true);
  }
  return *worker;
}

void Puller::Adopt(ModelStore::Recovered recovered) {
  for (ModelRecord& record : recovered.models) {
    const std::string model = record.model;
    WorkerOf(model).Adopt(std::move(record));
  }
  for (ModelRecord& record : recovered.candidates) {
    const std::string model = record.model;
    WorkerOf(model).AdoptCandidate(std::move(record), context_.downloader.NameProblem(model));
  }
}

// --- What is wanted ---------------------------------------------------------------------------

void Puller::OnAllWanted(const std::vector<ModelSpec>& specs, bool is_last_known) {
  known_ = true;
  std::set<std::string> wanted;
  for (const ModelSpec& spec : specs) {
    wanted.insert(spec.model);
    OnWanted(spec);
  }
  if (is_last_known) return;
  current_ = true;
  for (const auto& [model, worker] : workers_) {
    if (!wanted.contains(model)) worker->WantNothing();
  }
  RemoveStrangers();
}

void Puller::OnWanted(const ModelSpec& spec) { WorkerOf(spec.model).Want(spec); }

void Puller::OnUnwanted(const std::string& model) {
  const auto found = workers_.find(model);
  if (found != workers_.end()) found->second->WantNothing();
}

// Models that the server holds, and that neither the disk nor the API knows.
void Puller::RemoveStrangers() {
  if (!current_ || !options_.owns_server) return;
  const std::set<std::string> ready = ready_;
  for (const std::string& model : ready) {
    if (!workers_.contains(model) && CheckModelName(model).ok()) WorkerOf(model).WantNothing();
  }
  ready_.clear();
}

void Puller::OnGone(const std::string& model, const std::string& uid) {
  // It is inside a call of the worker's.
  loop_.Post([this, alive = alive_, model, uid] {
    if (!*alive) return;
    const auto found = workers_.find(model);
    if (found == workers_.end() || found->second->is_wanted()) return;
    workers_.erase(found);
    if (options_.on_gone) options_.on_gone(model, uid);
  });
}

// --- The server -------------------------------------------------------------------------------

void Puller::OnServerUp(const std::set<std::string>& ready) {
  for (const auto& [model, worker] : workers_) worker->OnServerUp(ready.contains(model));
  NoteStrangers(ready);
  RemoveStrangers();
}

void Puller::NoteStrangers(const std::set<std::string>& ready) {
  ready_.clear();
  for (const std::string& model : ready) {
    if (!workers_.contains(model)) ready_.insert(model);
  }
}

void Puller::OnServerDown() {
  ready_.clear();
  for (const auto& [model, worker] : workers_) worker->OnServerDown();
}

void Puller::OnServerIndex(const std::set<std::string>& ready) {
  for (const auto& [model, worker] : workers_) worker->OnServerIndex(ready.contains(model));
  NoteStrangers(ready);
}

void Puller::OnCredentials() {
  for (const auto& [model, worker] : workers_) worker->OnCredentials();
}

// --- What is said of them -----------------------------------------------------------------------

std::vector<std::string> Puller::Models() const {
  std::vector<std::string> models;
  models.reserve(workers_.size());
  for (const bool wanted : {false, true}) {
    for (const auto& [model, worker] : workers_) {
      if (worker->is_wanted() == wanted) models.push_back(model);
    }
  }
  return models;
}

Json Puller::Report(const std::string& model) const {
  const auto found = workers_.find(model);
  return found == workers_.end() ? Json() : found->second->Report();
}

}  // namespace throng::agent
