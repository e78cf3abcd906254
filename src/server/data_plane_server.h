// DataPlaneServer: `throng serve`, put together. One event loop (the main thread's) runs the data
// plane: residency, scheduling and the cells; it serves HTTP too. Further loops, on threads of
// their own, only parse and print, and pass inferences to the first.
//
// Order: listen → write the ports file → read the folder (on a helper thread; requests that come
// earlier ask for their one model) → serve → SIGTERM or SIGINT: drain → stop.
#pragma once

#include <memory>
#include <vector>

#include "base/status.h"
#include "server/server_options.h"

namespace throng::server {

class DataPlaneServer {
 public:
  // REQUIRES: called on the main thread, before other threads exist. `logger` outlives it.
  // ERRORS: kAlreadyExists — a port is in use; kInvalidArgument, kNotFound — options.
  static Result<std::unique_ptr<DataPlaneServer>> Create(ServerOptions options,
                                                         const Logger& logger);
  ~DataPlaneServer();

  // Serves until a signal asks it to stop and requests are done. Returns why it could not.
  Status Run();

 private:
  struct Parts;
  explicit DataPlaneServer(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

// The manifests of all frameworks in the runner directory.
Result<std::vector<model::FrameworkManifest>> ReadManifests(const os::FileSystem& files,
                                                            const std::string& directory);

}  // namespace throng::server
