#include <array>
#include <cstdio>
#include <optional>

#include "base/limits.h"
#include "base/log.h"
#include "base/random.h"
#include "cli/commands.h"
#include "cli/given_paths.h"
#include "cli/options/option_table.h"
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
  table.Add({"data", "FILE", "the request's body as V2 JSON; -: standard input",
             Text(&options.data_file)});
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
  const Status rule =
      InvalidArgumentError("--url must be http://HOST:PORT, got '" + EscapeForLog(url) + "'");
  constexpr std::string_view kScheme = "http://";
  if (url.starts_with(kScheme)) url.remove_prefix(kScheme.size());
  while (url.ends_with("/")) url.remove_suffix(1);
  Address address;
  address.text = std::string(url);
  if (url.find_first_of("/?#@") != std::string_view::npos) return rule;
  const size_t colon = url.rfind(':');
  if (colon != std::string_view::npos && url.find(']', colon) == std::string_view::npos) {
    if (!Port(&address.port)(url.substr(colon + 1)).ok()) return rule;
    url = url.substr(0, colon);
  }
  if (url.starts_with("[") && url.ends_with("]")) url = url.substr(1, url.size() - 2);
  address.host = std::string(url == "localhost" ? "127.0.0.1" : url);
  if (address.host.empty()) return rule;
  return address;
}

// ERRORS: kResourceExhausted — more than a request's body may have.
Result<std::string> ReadStandardInput() {
  std::string text;
  std::array<char, 64 * 1024> buffer{};
  while (const size_t count = std::fread(buffer.data(), 1, buffer.size(), stdin)) {
    text.append(buffer.data(), count);
    if (text.size() > limits::kHttpBodyBytes) {
      return ResourceExhaustedError("--data: standard input is longer than " +
                                    std::to_string(limits::kHttpBodyBytes) + " bytes");
    }
  }
  return text;
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
    if (options_.data_file == "-") return ReadStandardInput();
    if (!options_.data_file.empty()) {
      Result<std::string> body =
          os::RealFileSystem().Read(options_.data_file, limits::kHttpBodyBytes);
      if (body.ok()) return body;
      return WithTypedPath(body.status(), options_.data_file).WithContext("--data");
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

// What is wrong with how the command was called.
Status CheckCall(const InferOptions& options, const std::vector<std::string>& names) {
  if (names.empty()) return InvalidArgumentError("no MODEL given");
  THRONG_RETURN_IF_ERROR(CheckNoMore(names, 1));
  if (options.random && !options.data_file.empty()) {
    return InvalidArgumentError("--data and --random contradict each other");
  }
  if (options.random || options.print_curl || !options.data_file.empty()) return OkStatus();
  return InvalidArgumentError("nothing to send: give --random or --data FILE");
}

}  // namespace

int InferCommand(std::span<const std::string> arguments) {
  InferOptions options;
  const OptionTable table = MakeTable(options);
  const auto names = table.Parse(arguments);
  const std::string usage =
      "usage: throng infer MODEL --random | --data FILE [options]\n\n" + table.Help();
  if (options.help) {
    std::fputs(usage.c_str(), stdout);
    return 0;
  }
  const Status call = names.ok() ? CheckCall(options, *names) : names.status();
  if (!call.ok()) {
    std::fprintf(stderr, "throng infer: %s\n%s", call.message().c_str(), usage.c_str());
    return 2;
  }
  auto name = model::ModelName::Parse((*names)[0]);
  auto address = ParseUrl(options.url);
  const Status bad = !name.ok() ? name.status() : address.status();
  const Status status =
      bad.ok() ? InferRun(options, std::move(name).value(), std::move(address).value()).Run() : bad;
  if (status.ok()) return 0;
  std::fprintf(stderr, "throng infer: %s\n", status.message().c_str());
  return bad.ok() ? 1 : 2;
}

}  // namespace throng::cli
