// Storage that fails on command, for storage_faults_test.py: the project's own test servers behind
// its own fault proxy, told what to do by lines on standard input, each answered by one line.
//
//   put BUCKET NAME FILE         an object of the bucket, with its checksums
//   page PATH FILE               what the web servers (plain and TLS) answer at PATH
//   redirect PATH URL            ... with 302
//   spoil list|media none
//   spoil list|media KIND N TIMES    KIND: status, longer, shorter, flip, generation, reset, close,
//                                hang, drip; the next TIMES replies (0: all from now on)
//   proxy none|reset|close|hang|drip N TIMES    connections through the proxy
//   requests                     how many times bytes of objects were asked for
//
// The first line that it prints is an object of addresses; it ends with its input.
#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>

#include "storage/testing/fault_proxy.h"
#include "storage/testing/gcs_server.h"
#include "storage/testing/scripted_server.h"

namespace throng::storage::testing {
namespace {

constexpr long kDaySeconds = 24L * 3600;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

struct Fault {
  std::string kind = "none";
  uint64_t number = 0;
  int left = 0;  // 0: for ever
};

// The fault of this turn, and one turn less.
Fault TakeTurn(Fault& fault) {
  const Fault now = fault;
  if (fault.left > 0 && --fault.left == 0) fault = {};
  return now;
}

void Spoil(const Fault& fault, ServedReply& reply) {
  const auto number = fault.number;
  if (fault.kind == "status") reply = {.status = static_cast<int>(number), .body = "{}"};
  if (fault.kind == "longer") reply.body += std::string(number, 'x');
  if (fault.kind == "shorter")
    reply.body.resize(reply.body.size() - std::min<size_t>(number, reply.body.size()));
  if (fault.kind == "flip" && number < reply.body.size()) reply.body[number] ^= 1;
  if (fault.kind == "generation") {
    for (auto& [name, value] : reply.headers) {
      if (name == "X-Goog-Generation") value = std::to_string(number);
    }
  }
  if (fault.kind == "reset") reply.reset_after = number;
  if (fault.kind == "close") reply.close_after = number;
  if (fault.kind == "hang") reply.hang_after = number;
  if (fault.kind == "drip") reply.bytes_per_second = static_cast<double>(number);
}

class Stand {
 public:
  Stand()
      : expired_identity_(MakeTlsIdentity("127.0.0.1", -2 * kDaySeconds, -kDaySeconds)),
        other_identity_(MakeTlsIdentity("elsewhere.example.com", -kDaySeconds, kDaySeconds)),
        good_identity_(MakeTlsIdentity("127.0.0.1", -kDaySeconds, kDaySeconds)),
        proxy_(bucket_.http().port()),
        web_(Pages()),
        good_(Pages(), good_identity_),
        expired_(Pages(), expired_identity_),
        other_(Pages(), other_identity_) {
    bucket_.set_spoil([this](const ServedRequest& request, ServedReply& reply) {
      const bool is_media = request.query.count("alt") > 0;
      Fault fault;
      {
        const std::lock_guard lock(mutex_);
        fault = TakeTurn(faults_[is_media ? "media" : "list"]);
      }
      Spoil(fault, reply);
    });
  }

  // `certificates`: where the authorities of the TLS servers are written.
  void Introduce(const std::string& certificates) {
    std::ofstream(certificates) << good_identity_.certificate_pem
                                << expired_identity_.certificate_pem
                                << other_identity_.certificate_pem;
    std::printf(
        "{\"bucket\":\"%s\",\"proxy\":\"%s\",\"web\":\"%s\",\"good\":\"%s\",\"expired\":\"%s\","
        "\"other\":\"%s\"}\n",
        bucket_.host_port().c_str(), proxy_.host_port().c_str(), web_.host_port().c_str(),
        good_.host_port().c_str(), expired_.host_port().c_str(), other_.host_port().c_str());
    std::fflush(stdout);
  }

  std::string Do(std::istringstream& words) {
    std::string verb;
    words >> verb;
    if (verb == "put") return Put(words);
    if (verb == "page" || verb == "redirect") return SetPage(verb, words);
    if (verb == "spoil") return SetSpoil(words);
    if (verb == "proxy") return SetProxy(words);
    if (verb == "requests") return std::to_string(bucket_.media_requests());
    return "no such verb";
  }

 private:
  ScriptedServer::Handler Pages() {
    return [this](const ServedRequest& request) -> ServedReply {
      const std::lock_guard lock(mutex_);
      const auto page = pages_.find(request.path);
      if (page != pages_.end()) return ServeContent(request, page->second, "\"1\"");
      const auto redirect = redirects_.find(request.path);
      if (redirect == redirects_.end()) return {.status = 404};
      return {.status = 302, .headers = {{"Location", redirect->second}}};
    };
  }
  std::string Put(std::istringstream& words) {
    std::string bucket;
    std::string name;
    std::string file;
    words >> bucket >> name >> file;
    bucket_.Put(bucket, PercentDecoded(name), ReadFile(file));
    return "ok";
  }
  std::string SetPage(const std::string& verb, std::istringstream& words) {
    std::string path;
    std::string value;
    words >> path >> value;
    const std::string content = verb == "page" ? ReadFile(value) : "";
    const std::lock_guard lock(mutex_);
    if (verb == "page") pages_[path] = content;
    if (verb == "redirect") redirects_[path] = value;
    return "ok";
  }
  std::string SetSpoil(std::istringstream& words) {
    std::string which;
    Fault fault;
    words >> which >> fault.kind >> fault.number >> fault.left;
    const std::lock_guard lock(mutex_);
    faults_[which] = fault;
    return "ok";
  }
  std::string SetProxy(std::istringstream& words) {
    const auto fault = std::make_shared<Fault>();
    words >> fault->kind >> fault->number >> fault->left;
    proxy_.set_plan([this, fault](int) {
      const std::lock_guard lock(mutex_);
      const Fault now = TakeTurn(*fault);
      FaultPlan plan;
      if (now.kind == "reset") plan.reset_after = now.number;
      if (now.kind == "close") plan.close_after = now.number;
      if (now.kind == "hang") plan.hang_after = now.number;
      if (now.kind == "drip") plan.bytes_per_second = static_cast<double>(now.number);
      return plan;
    });
    return "ok";
  }

  std::mutex mutex_;
  std::map<std::string, Fault> faults_;
  std::map<std::string, std::string> pages_;
  std::map<std::string, std::string> redirects_;
  const TlsIdentity expired_identity_;
  const TlsIdentity other_identity_;
  const TlsIdentity good_identity_;
  GcsServer bucket_;
  FaultProxy proxy_;
  ScriptedServer web_;
  ScriptedServer good_;
  ScriptedServer expired_;
  ScriptedServer other_;
};

}  // namespace
}  // namespace throng::storage::testing

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: storage_stand CERTIFICATES_FILE\n", stderr);
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);  // clients that have seen enough
  throng::storage::testing::Stand stand;
  stand.Introduce(argv[1]);
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::printf("%s\n", stand.Do(words).c_str());
    std::fflush(stdout);
  }
  return 0;
}
