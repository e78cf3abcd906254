#include "control/control_plane.h"

#include <algorithm>
#include <csignal>
#include <utility>

#include "base/control_limits.h"
#include "control/access_files.h"
#include "control/file_logs.h"
#include "control/ingress_process.h"
#include "control/plane_files.h"
#include "control/unix_door.h"
#include "http/server.h"
#include "kube/object_meta.h"
#include "kube/server/api_server.h"
#include "kube/server/bootstrap.h"
#include "kube/server/event_recorder.h"
#include "kube/server/garbage_collector.h"
#include "kube/server/namespace_controller.h"
#include "kube/server/registry.h"
#include "launcher/job_launcher.h"
#include "launcher/local_launcher.h"
#include "os/disk/owned_files.h"
#include "os/file.h"
#include "os/machine/secure_random.h"
#include "os/signals.h"
#include "os/socket.h"
#include "reconcilers/controllers.h"
#include "store/memory_store.h"
#include "store/sqlite_store.h"
#include "tls/tls_acceptor.h"

namespace throng::control {
namespace {

using kube::Json;
using kube::server::ApiServer;
using kube::server::EventType;

constexpr std::chrono::milliseconds kReadyPoll{10};

class TokenTable final : public kube::server::TokenAuthenticator {
 public:
  explicit TokenTable(std::string token) : token_(std::move(token)) {}
  std::optional<http::PeerIdentity> Authenticate(std::string_view token) const override {
    if (token_.empty() || !tls::SameToken(token, token_)) return std::nullopt;
    return http::PeerIdentity{.user = "throng-admin", .groups = {"system:masters"}};
  }

 private:
  const std::string token_;
};

class Reports final : public kube::server::ReportSink {
 public:
  explicit Reports(reconcilers::Controllers& controllers) : controllers_(controllers) {}
  void Report(std::string_view name_space, std::string_view pod, Json report,
              Done<std::optional<kube::ApiError>> done) override {
    const Status status = controllers_.Report(std::string(name_space), std::string(pod), report);
    if (status.ok()) return done(std::nullopt);
    if (status.code() == StatusCode::kNotFound) {
      return done(kube::ConflictError("throng.dev", "replicas", pod, status.message()));
    }
    done(kube::BadRequestError(status.message()));
  }

 private:
  reconcilers::Controllers& controllers_;
};

class ReplicaCredentials final : public kube::server::CredentialSource {
 public:
  explicit ReplicaCredentials(reconcilers::Controllers& controllers) : controllers_(controllers) {}
  kube::ApiResult<Json> Credentials(std::string_view name_space, std::string_view pod) override {
    auto sets = controllers_.Credentials(std::string(name_space), std::string(pod));
    if (sets.ok()) return std::move(*sets);
    return kube::ConflictError("throng.dev", "replicas", pod, sets.status().message());
  }

 private:
  reconcilers::Controllers& controllers_;
};

uint64_t Nanoseconds(WallTime time) {
  return static_cast<uint64_t>(time.time_since_epoch().count());
}

bool IsAnyAddress(std::string_view address) { return address == "0.0.0.0" || address == "::"; }

// How those on this machine write what listens on `address`.
std::string Reachable(const std::string& address) {
  if (IsAnyAddress(address)) return "127.0.0.1";
  return address.find(':') == std::string::npos ? address : "[" + address + "]";
}

class LocalPlane final : public ControlPlane {
 public:
  LocalPlane(ControlPlaneOptions options, const Logger& logger, os::UniqueFd lock,
             std::unique_ptr<os::EventLoop> loop, os::UniqueFd signals)
      : options_(std::move(options)),
        logger_(logger),
        lock_(std::move(lock)),
        loop_(std::move(loop)),
        signals_(std::move(signals)),
        random_(os::SecureSeed()) {}

  ~LocalPlane() override {
    if (signals_.valid()) loop_->Unwatch(signals_.get());
  }

  Status Open();
  Status Run() override;

 private:
  Status OpenStore();
  Status OpenLauncher();
  Status OpenApi();
  Status OpenListeners();
  Status Listen(const std::string& address, uint16_t wanted, uint16_t last, os::UniqueFd& listener,
                uint16_t& port);
  void StartControllers();
  void StartGateway();
  Status WriteFiles();
  void AwaitReady();
  void Fail(const Status& status);
  std::string GatewayAddress() const;
  void OnSignal();
  void Stop();
  void AwaitStopped();
  std::string Path(std::string_view name) const {
    return os::JoinPath(options_.state_directory, name);
  }
  Result<std::string> LogFileOf(const std::string& name_space, const std::string& pod,
                                const std::string& container) const;
  std::optional<kube::ApiError> Admit(kube::server::Operation operation, const kube::Kind& kind,
                                      const Json* old, const Json& object) const;

  ControlPlaneOptions options_;
  const Logger& logger_;
  const os::UniqueFd lock_;
  const std::unique_ptr<os::EventLoop> loop_;
  const os::UniqueFd signals_;
  SeededRandom random_;
  PlanePorts ports_;
  std::unique_ptr<store::SqliteStore> durable_;
  std::unique_ptr<store::MemoryStore> derived_;
  std::unique_ptr<kube::server::Registry> registry_;
  std::unique_ptr<kube::server::EventKeeper> event_keeper_;
  std::unique_ptr<kube::server::EventRecorder> events_;
  std::unique_ptr<kube::server::GarbageCollector> garbage_;
  std::unique_ptr<kube::server::NamespaceController> namespaces_;
  std::unique_ptr<launcher::LocalLauncher> launcher_;
  std::unique_ptr<launcher::LocalJobLauncher> job_launcher_;
  std::unique_ptr<reconcilers::Controllers> controllers_;
  std::unique_ptr<IngressProcess> gateway_;
  Access access_;
  std::unique_ptr<TokenTable> tokens_;
  std::unique_ptr<Reports> reports_;
  std::unique_ptr<ReplicaCredentials> credentials_;
  std::unique_ptr<FileLogs> logs_;
  std::unique_ptr<PlaneLog> audit_;
  std::unique_ptr<ApiServer> api_;
  std::unique_ptr<http::HttpServer> http_;
  std::unique_ptr<UnixDoor> door_;
  os::UniqueFd api_listener_;
  os::UniqueFd ingress_listener_;
  std::unique_ptr<tls::TlsAcceptor> tls_;
  bool derived_ready_ = false;
  bool stopping_ = false;
  Status failure_;  // why it did not come up
};

Status LocalPlane::OpenStore() {
  THRONG_ASSIGN_OR_RETURN(
      durable_, store::SqliteStore::Open(*loop_, {.path = StorePath(options_.state_directory)}));
  derived_ = std::make_unique<store::MemoryStore>(*loop_, Nanoseconds(loop_->clock().WallNow()));
  registry_ = std::make_unique<kube::server::Registry>(*loop_, random_, *durable_, *derived_);
  registry_->SetAdmission([this](kube::server::Operation operation, const kube::Kind& kind,
                                 const Json* old,
                                 Json& object) { return Admit(operation, kind, old, object); });
  return OkStatus();
}

Status LocalPlane::OpenLauncher() {
  THRONG_ASSIGN_OR_RETURN(launcher_, launcher::LocalLauncher::Create(
                                         *loop_, random_, logger_,
                                         {.directory = Path("replicas"),
                                          .program = options_.program,
                                          .api_socket = Path("api.sock"),
                                          .agent_arguments = options_.agent_arguments,
                                          .agent_environment = options_.agent_environment,
                                          .server_environment = options_.server_environment}));
  THRONG_ASSIGN_OR_RETURN(job_launcher_, launcher::LocalJobLauncher::Create(
                                             *loop_, random_, logger_,
                                             {.directory = Path("jobs"),
                                              .program = options_.program,
                                              .gateway = [this] { return GatewayAddress(); }}));
  return OkStatus();
}

// The port of the last time is taken again when none is asked for, so that clients find it.
Status LocalPlane::Listen(const std::string& address, uint16_t wanted, uint16_t last,
                          os::UniqueFd& listener, uint16_t& port) {
  auto bound = wanted == 0 && last != 0 ? os::ListenTcp(address, last)
                                        : Result<os::UniqueFd>(UnavailableError("not tried"));
  if (!bound.ok()) bound = os::ListenTcp(address, wanted);
  if (!bound.ok()) return bound.status();
  listener = std::move(*bound);
  THRONG_ASSIGN_OR_RETURN(port, os::LocalPort(listener.get()));
  return OkStatus();
}

Status LocalPlane::OpenApi() {
  std::vector<std::string> names = {"localhost", "127.0.0.1", "kubernetes",
                                    "kubernetes.default.svc"};
  if (!IsAnyAddress(options_.api_address) && options_.api_address != "127.0.0.1") {
    names.push_back(options_.api_address);
  }
  names.insert(names.end(), options_.api_names.begin(), options_.api_names.end());
  THRONG_ASSIGN_OR_RETURN(access_, EnsureAccess(Path("pki"), names, loop_->clock().WallNow()));
  tokens_ = std::make_unique<TokenTable>(access_.token);
  logs_ = std::make_unique<FileLogs>(
      *loop_,
      [this](const std::string& name_space, const std::string& pod, const std::string& container) {
        return LogFileOf(name_space, pod, container);
      },
      [this](const std::string& name_space, const std::string& pod) {
        const auto run = job_launcher_->Find(name_space, pod);
        return run && (run->phase == launcher::JobRunPhase::kSucceeded ||
                       run->phase == launcher::JobRunPhase::kFailed);
      });
  THRONG_ASSIGN_OR_RETURN(audit_, PlaneLog::Open(Path("logs/audit.log")));
  reports_ = std::make_unique<Reports>(*controllers_);
  credentials_ = std::make_unique<ReplicaCredentials>(*controllers_);
  api_ = std::make_unique<ApiServer>(
      *loop_, random_, *registry_,
      kube::server::ApiServerOptions{
          .tokens = tokens_.get(),
          .audit = [this](std::string_view line) { audit_->Write(line); },
          .logs = logs_.get(),
          .reports = reports_.get(),
          .credentials = credentials_.get(),
          .ready_checks = {{"controllers", [this] { return derived_ready_; }}}});
  THRONG_ASSIGN_OR_RETURN(
      http_,
      http::HttpServer::Start(
          *loop_, -1,
          {.max_body_bytes = limits::kObjectBodyBytes, .error_body = kube::server::RefusalBody},
          [this](std::shared_ptr<http::Exchange> exchange) { api_->Handle(std::move(exchange)); }));
  return OkStatus();
}

Status LocalPlane::OpenListeners() {
  const PlanePorts last = ReadPorts(Path("ports.json"));
  THRONG_RETURN_IF_ERROR(
      Listen(options_.api_address, options_.api_port, last.api, api_listener_, ports_.api));
  THRONG_ASSIGN_OR_RETURN(
      tls_, tls::TlsAcceptor::Start(
                *loop_, api_listener_.get(),
                {.certificate_pem = access_.server.certificate_pem,
                 .private_key_pem = access_.server.private_key_pem,
                 .client_ca_pem = access_.authority_pem},
                [this](os::UniqueFd plain, std::shared_ptr<const http::PeerIdentity> peer) {
                  http_->Adopt(std::move(plain), std::move(peer));
                }));
  THRONG_ASSIGN_OR_RETURN(door_, UnixDoor::Open(*loop_, Path("api.sock"), *http_));
  return OkStatus();
}

void LocalPlane::StartControllers() {
  const auto tell = [this](const Json& object, bool is_warning, std::string_view reason,
                           std::string_view message) {
    events_->Record(object, is_warning ? EventType::kWarning : EventType::kNormal, reason, message);
  };
  event_keeper_ = std::make_unique<kube::server::EventKeeper>(*loop_, *registry_);
  event_keeper_->Start();
  events_ = std::make_unique<kube::server::EventRecorder>(*loop_, random_, *registry_,
                                                          "throng-controller");
  garbage_ = std::make_unique<kube::server::GarbageCollector>(*loop_, *registry_);
  garbage_->Start();
  namespaces_ = std::make_unique<kube::server::NamespaceController>(*loop_, *registry_);
  namespaces_->Start();
  controllers_ = std::make_unique<reconcilers::Controllers>(
      *loop_, random_, *registry_, *launcher_, *job_launcher_, logger_, tell,
      reconcilers::ServiceOptions{.domain = options_.domain,
                                  .drain_grace = options_.drain_grace,
                                  .check_arguments = options_.check_server_arguments});
}

void LocalPlane::StartGateway() {
  gateway_ = std::make_unique<IngressProcess>(*loop_, random_, logger_,
                                              IngressOptions{
                                                  .state_directory = options_.state_directory,
                                                  .program = options_.program,
                                                  .address = options_.ingress_address,
                                                  .port = options_.ingress_port,
                                                  .drain = options_.drain_grace,
                                              },
                                              [this] {
                                                if (stopping_) AwaitStopped();
                                              });
  gateway_->Start();
}

Status LocalPlane::Open() {
  for (const char* directory : {"logs", "gateway"}) {
    THRONG_RETURN_IF_ERROR(os::EnsurePrivateDirectory(Path(directory)));
  }
  THRONG_RETURN_IF_ERROR(OpenStore());
  THRONG_RETURN_IF_ERROR(OpenLauncher());
  StartControllers();
  THRONG_RETURN_IF_ERROR(OpenApi());
  THRONG_RETURN_IF_ERROR(OpenListeners());
  StartGateway();
  THRONG_RETURN_IF_ERROR(
      loop_->Watch(signals_.get(), os::kReadable, [this](uint32_t) { OnSignal(); }));
  kube::server::Bootstrap(*registry_, [this](Status status) {
    if (!status.ok()) THRONG_LOG_ERROR(logger_) << "first objects: " << status.ToString();
    AwaitReady();
  });
  return OkStatus();
}

// Ready: what is derived from the objects is known, and the gateway listens.
void LocalPlane::AwaitReady() {
  if (stopping_) return;
  const std::string failure = gateway_->failure();
  if (!failure.empty()) return Fail(UnavailableError("the ingress: " + failure));
  const uint16_t ingress = gateway_->ports().ingress;
  if (!controllers_->idle() || ingress == 0) {
    loop_->StartTimer(loop_->clock().Now() + kReadyPoll, [this] { AwaitReady(); });
    return;
  }
  ports_.ingress = ingress;
  registry_->SetDerivedReady();
  derived_ready_ = true;
  const Status written = WriteFiles();
  if (!written.ok()) Fail(written);
}

void LocalPlane::Fail(const Status& status) {
  THRONG_LOG_ERROR(logger_) << "it cannot come up: " << status.message();
  failure_ = status;
  Stop();
}

// For those on this machine; empty until the gateway listens.
std::string LocalPlane::GatewayAddress() const {
  const uint16_t port = gateway_->ports().ingress;
  if (port == 0) return "";
  return Reachable(options_.ingress_address) + ":" + std::to_string(port);
}

Status LocalPlane::WriteFiles() {
  ControlPlaneAddresses addresses{
      .api_url = "https://" + Reachable(options_.api_address) + ":" + std::to_string(ports_.api),
      .ingress_host = Reachable(options_.ingress_address),
      .api_port = ports_.api,
      .ingress_port = ports_.ingress,
      .kubeconfig = options_.kubeconfig.empty() ? Path("kubeconfig") : options_.kubeconfig,
      .log_file = Path("logs/up.log"),
      .api_address = options_.api_address,
      .ingress_address = options_.ingress_address};
  if (const Status written =
          os::WritePrivateFile(addresses.kubeconfig, KubeconfigText(access_, addresses.api_url));
      !written.ok()) {
    return written.WithContext("the kubeconfig");
  }
  THRONG_RETURN_IF_ERROR(WritePorts(Path("ports.json"), ports_));
  THRONG_RETURN_IF_ERROR(WriteRunning(Path("up.json"), addresses));
  if (!options_.ports_file.empty()) {
    const Status written = WritePorts(options_.ports_file, ports_);
    if (!written.ok()) return written.WithContext("the ports file");
  }
  THRONG_LOG_INFO(logger_) << "up: API on " << options_.api_address << ":" << ports_.api
                           << " (TLS; token or certificate), ingress on "
                           << options_.ingress_address << ":" << ports_.ingress
                           << " (plain HTTP, no key)";
  controllers_->SetIngress(addresses.ingress_host + ":" + std::to_string(addresses.ingress_port));
  if (options_.on_up) options_.on_up(addresses);
  return OkStatus();
}

Status LocalPlane::Run() {
  loop_->Run();
  (void)os::RemoveFile(Path("up.json"));
  THRONG_LOG_INFO(logger_) << "down";
  return failure_;
}

void LocalPlane::OnSignal() {
  while (os::ReadSignal(signals_.get())) {
    if (stopping_) {
      // Asked twice: what drains is left to itself.
      loop_->Stop();
      return;
    }
    if (options_.on_stopping) options_.on_stopping();
    Stop();
  }
}

void LocalPlane::Stop() {
  stopping_ = true;
  THRONG_LOG_INFO(logger_) << "stopping: the gateway, then the replicas, are drained";
  job_launcher_->Suspend();
  gateway_->Stop(options_.drain_grace);
  AwaitStopped();
}

void LocalPlane::AwaitStopped() {
  if (!gateway_->stopped()) return;
  launcher_->Suspend(options_.drain_grace);
  if (launcher_->suspended() && job_launcher_->suspended()) {
    api_->EndStreams();
    loop_->Stop();
    return;
  }
  loop_->StartTimer(loop_->clock().Now() + kReadyPoll, [this] { AwaitStopped(); });
}

Result<std::string> LocalPlane::LogFileOf(const std::string& name_space, const std::string& pod,
                                          const std::string& container) const {
  if (job_launcher_->Find(name_space, pod)) {
    return job_launcher_->LogFile(name_space, pod, container);
  }
  return launcher_->LogFile(name_space, pod, container);
}

std::optional<kube::ApiError> LocalPlane::Admit(kube::server::Operation operation,
                                                const kube::Kind& kind, const Json* old,
                                                const Json& object) const {
  if (operation == kube::server::Operation::kDelete) return std::nullopt;
  const Status status = controllers_->Admit(old, object);
  if (status.ok()) return std::nullopt;
  return kube::ApiError{.code = 403,
                        .reason = "Forbidden",
                        .message =
                            "admission webhook \"trainedmodel.kfserving-webhook-server."
                            "validator\" denied the request: " +
                            status.message(),
                        .name = kube::NameOf(object),
                        .group = kind.group,
                        .kind = kind.resource};
}

}  // namespace

Result<std::unique_ptr<ControlPlane>> ControlPlane::Create(ControlPlaneOptions options,
                                                           const Logger& logger) {
  // Before the first thread, so that all of them leave signals to the loop.
  THRONG_ASSIGN_OR_RETURN(os::UniqueFd signals, os::WatchSignals({SIGTERM, SIGINT}));
  os::IgnoreBrokenPipes();
  os::RaiseOpenFileLimit();
  THRONG_RETURN_IF_ERROR(os::EnsurePrivateDirectory(options.state_directory));
  THRONG_ASSIGN_OR_RETURN(os::UniqueFd lock, TakeState(options.state_directory));
  // Of one that was killed.
  THRONG_RETURN_IF_ERROR(os::RemoveFile(os::JoinPath(options.state_directory, "up.json")));
  THRONG_ASSIGN_OR_RETURN(auto loop, os::EventLoop::Create(os::RealClock()));
  auto plane = std::make_unique<LocalPlane>(std::move(options), logger, std::move(lock),
                                            std::move(loop), std::move(signals));
  THRONG_RETURN_IF_ERROR(plane->Open());
  return std::unique_ptr<ControlPlane>(std::move(plane));
}

}  // namespace throng::control
