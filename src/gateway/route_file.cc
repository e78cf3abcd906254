#include "gateway/route_file.h"

#include <utility>

#include "base/control_limits.h"
#include "base/kill_point.h"

namespace throng::gateway {

RouteFile::RouteFile(os::EventLoop& loop, os::FileSystem& files, std::string path,
                     const Logger& logger, std::function<std::vector<RouteSpec>()> routes)
    : loop_(loop),
      files_(files),
      path_(std::move(path)),
      logger_(logger),
      routes_(std::move(routes)),
      thread_(1) {}

RouteFile::~RouteFile() {
  if (timer_ == 0) return;
  loop_.CancelTimer(timer_);
  Write();
}

std::vector<RouteSpec> RouteFile::Read() const {
  const Result<std::string> text = files_.Read(path_, limits::kRouteListBytes);
  if (!text.ok()) {
    if (text.status().code() != StatusCode::kNotFound) {
      THRONG_LOG_WARNING(logger_) << "the last known routes cannot be read: "
                                  << text.status().message();
    }
    return {};
  }
  Result<RouteList> list = ParseRouteList(*text);
  if (!list.ok()) {
    THRONG_LOG_WARNING(logger_) << "the last known routes cannot be read: "
                                << list.status().message();
    return {};
  }
  for (const std::string& problem : list->problems) {
    THRONG_LOG_WARNING(logger_) << "a route is left out: " << problem;
  }
  return std::move(list->routes);
}

void RouteFile::Save() {
  if (timer_ != 0) return;
  const MonotonicTime when = loop_.clock().Now() + Duration(limits::kRouteFileDelay);
  timer_ = loop_.StartTimer(when, [this] {
    timer_ = 0;
    Write();
  });
}

// Writes follow each other on the one thread, so the last one is what remains.
void RouteFile::Write() {
  thread_.Post([&files = files_, &logger = logger_, path = path_, routes = routes_()] {
    const Status status = files.WriteAtomically(path, PrintRouteList(routes));
    KillPoint("gateway.routes.saved");
    if (!status.ok()) {
      THRONG_LOG_WARNING(logger) << "the routes cannot be kept on disk: " << status.message();
    }
  });
}

}  // namespace throng::gateway
