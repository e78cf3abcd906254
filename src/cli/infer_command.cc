#include <cstdio>
#include <optional>

#include "base/random.h"
#include "cli/commands.h"
#include "cli/option_table.h"
#include "cli/request_maker.h"
#include "http/client.h"
#include "model/model_name.h"
#include "os/event_loop.h"
#include "os/file.h"

namespace throng::cli {
namespace {

struct InferOptions {
  std::string url = "http://127.0.0.1:8000";
  std::string data_file;
  bool random = false;
  bool print_curl = false;
  bool raw = false;
  bool help = false;
  int64_t seed = 1;
  std::chrono::seconds timeout{60};
};

struct Address {
  std::string host;
  uint16_t port = 80;
  std::string text;  // host:port as given
};

OptionTable MakeTable(InferOptions& options) {
  OptionTable table;
  table.Add({"url", "URL", "the server (default http://127.0.0.1:8000)", Text(&options.url)});
  table.Add({"data", "FILE", "the request's body as V2 JSON", Text(&options.data_file)});
  table.Add({"random", "", "make a body from the model's metadata", Boolean(&options.random)});
  table.Add({"seed", "N", "for --random (default 1)", Integer(&options.seed, 0, INT64_MAX)});
  table.Add({"print-curl", "",
             "write the body to MODEL.request.json and print a curl line that sends it",
             Boolean(&options.print_curl)});
  table.Add({"raw", "", "print the reply as it came", Boolean(&options.raw)});
  table.Add(
      {"timeout", "SECONDS", "wait this long (default 60)", Seconds(&options.timeout, 1, 3600)});
  table.Add({"help", "", "this text", Boolean(&options.help)});
  return table;
}

Result<Address> ParseUrl(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  if (url.starts_with(kScheme)) url.remove_prefix(kScheme.size());
  while (url.ends_with("/")) url.remove_suffix(1);
  Address address;
  address.text = std::string(url);
  const size_t colon = url.rfind(':');
  if (colon != std::string_view::npos && url.find(']', colon) == std::string_view::npos) {
    THRONG_RETURN_IF_ERROR(Port(&address.port)(url.substr(colon + 1)));
    url = url.substr(0, colon);
  }
  if (url.starts_with("[") && url.ends_with("]")) url = url.substr(1, url.size() - 2);
  address.host = std::string(url == "localhost" ? "127.0.0.1" : url);
  if (address.host.empty() || url.find('/') != std::string_view::npos) {
    return InvalidArgumentError("--url must be http://HOST:PORT");
  }
  return address;
}

class InferRun {
 public:
  InferRun(const InferOptions& options, model::ModelName model, Address address)
      : options_(options),
        path_("/v2/models/" + model.str()),
        model_(std::move(model)),
        address_(std::move(address)) {}

  Status Run() {
    THRONG_ASSIGN_OR_RETURN(const std::string body, MakeBody());
    if (options_.print_curl) return PrintCurl(body);
    THRONG_ASSIGN_OR_RETURN(const http::ClientReply reply, Send("POST", path_ + "/infer", body));
    if (options_.raw) {
      std::printf("%s\n", reply.body.c_str());
      return OkStatus();
    }
    THRONG_ASSIGN_OR_RETURN(const std::string table, ReplyTable(reply.body));
    std::fputs(table.c_str(), stdout);
    if (const std::string* timing = reply.FindHeader("Server-Timing")) {
      std::printf("%s\n", timing->c_str());
    }
    return OkStatus();
  }

 private:
  Result<http::ClientReply> Send(std::string_view method, const std::string& target,
                                 std::string_view body) {
    THRONG_ASSIGN_OR_RETURN(http::ClientReply reply,
                            client_.Send(address_.host, address_.port, method, target, {}, body,
                                         os::RealClock().Now() + options_.timeout));
    if (reply.status == 200) return reply;
    return UnavailableError("HTTP " + std::to_string(reply.status) + ": " + ErrorText(reply.body));
  }

  Result<std::string> MakeBody() {
    if (!options_.data_file.empty()) {
      return os::RealFileSystem().Read(options_.data_file, limits::kHttpBodyBytes);
    }
    THRONG_ASSIGN_OR_RETURN(const http::ClientReply metadata, Send("GET", path_, ""));
    SeededRandom random(static_cast<uint64_t>(options_.seed));
    return MakeRandomRequest(metadata.body, random);
  }

  Status PrintCurl(const std::string& body) {
    const std::string file = model_.str() + ".request.json";
    THRONG_RETURN_IF_ERROR(os::RealFileSystem().WriteAtomically(file, body + "\n"));
    std::printf("curl -d @%s http://%s%s/infer\n", file.c_str(), address_.text.c_str(),
                path_.c_str());
    return OkStatus();
  }

  const InferOptions& options_;
  const std::string path_;
  const model::ModelName model_;
  const Address address_;
  http::HttpClient client_;
};

}  // namespace

int InferCommand(std::span<const std::string> arguments) {
  InferOptions options;
  const OptionTable table = MakeTable(options);
  const auto names = table.Parse(arguments);
  const bool source_given = options.random || options.print_curl || !options.data_file.empty();
  if (!names.ok() || options.help || names->size() != 1 || !source_given) {
    if (!names.ok()) std::fprintf(stderr, "throng infer: %s\n", names.status().message().c_str());
    std::fprintf(options.help ? stdout : stderr,
                 "usage: throng infer MODEL --random | --data FILE [options]\n\n%s",
                 table.Help().c_str());
    return options.help ? 0 : 2;
  }
  auto name = model::ModelName::Parse((*names)[0]);
  auto address = ParseUrl(options.url);
  Status status = !name.ok() ? name.status() : address.status();
  if (status.ok()) {
    status = InferRun(options, std::move(name).value(), std::move(address).value()).Run();
  }
  if (status.ok()) return 0;
  std::fprintf(stderr, "throng infer: %s\n", status.message().c_str());
  return 1;
}

}  // namespace throng::cli
