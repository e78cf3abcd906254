// throng attack: sends requests on a fixed plan and reports how they were answered. `throng up`
// runs it for Jobs (--job); people give it URLs or a file of targets.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>

#include "attack/attacker.h"
#include "attack/job_document.h"
#include "base/control_limits.h"
#include "cli/options/option_table.h"
#include "cli/plane/plane_commands.h"
#include "os/disk/owned_files.h"
#include "os/event_loop.h"
#include "os/file.h"
#include "os/signals.h"

namespace throng::cli {
namespace {

// Of a job that was written by a control plane: more than the files, since bytes are escaped.
constexpr uint64_t kJobFileBytes = 8 * limits::kAttackFilesBytes;

struct AttackFlags {
  std::string job;
  std::string result;
  std::string gateway;
  std::string targets;
  std::string method;
  std::string body;
  std::vector<std::string> headers;
  attack::AttackPlan plan{.duration = std::chrono::seconds(10)};
  bool no_keep_alive = false;
  bool help = false;
};

OptionSetter DurationOption(Duration* target) {
  return [target](std::string_view value) -> Status {
    THRONG_ASSIGN_OR_RETURN(*target, attack::ParseAttackDuration(value));
    return OkStatus();
  };
}

OptionTable MakeTable(AttackFlags& flags) {
  OptionTable table;
  table.Add({"rate", "N/TIME", "how many requests leave in which time (default 50/1s)",
             [&flags](std::string_view value) -> Status {
               THRONG_ASSIGN_OR_RETURN(flags.plan.rate, attack::ParseRate(value));
               return OkStatus();
             }});
  table.Add({"duration", "TIME", "how long requests leave: 60s, 5m (default 10s, at most 1h)",
             DurationOption(&flags.plan.duration)});
  table.Add({"timeout", "TIME", "how long a reply is waited for (default 30s)",
             DurationOption(&flags.plan.timeout)});
  table.Add({"gateway", "HOST:PORT", "where requests for names go, with their Host kept",
             Text(&flags.gateway)});
  table.Add({"targets", "FILE", "lines METHOD URL, headers below them, @FILE for a body",
             Text(&flags.targets)});
  table.Add({"method", "METHOD", "for URLs of the command line (default GET; POST with --body)",
             Text(&flags.method)});
  table.Add({"body", "FILE", "the body sent to URLs of the command line", Text(&flags.body)});
  table.AddList({"header", "NAME:VALUE", "sent to URLs of the command line; may be repeated",
                 TextList(&flags.headers)});
  table.Add({"no-keepalive", "", "a connection for each request", Boolean(&flags.no_keep_alive)});
  OptionRow job{"job", "FILE", "carry out what a control plane wrote", Text(&flags.job)};
  job.hidden = true;
  table.Add(std::move(job));
  OptionRow result{"result", "FILE", "write how it ended", Text(&flags.result)};
  result.hidden = true;
  table.Add(std::move(result));
  table.Add({"help", "", "this text", Boolean(&flags.help)});
  return table;
}

Result<std::string> ReadFile(const std::string& path) {
  return os::RealFileSystem().Read(path, limits::kAttackFilesBytes);
}

// The command line as a file of targets, so that there is one reader of them.
Result<std::string> TargetsText(const AttackFlags& flags, const std::vector<std::string>& urls) {
  if (!flags.targets.empty()) {
    if (!urls.empty()) return InvalidArgumentError("give --targets or URLs, not both");
    return ReadFile(flags.targets);
  }
  if (urls.empty()) return InvalidArgumentError("give a URL or --targets");
  const std::string method =
      !flags.method.empty() ? flags.method : (flags.body.empty() ? "GET" : "POST");
  std::string text;
  for (const std::string& url : urls) {
    text += method + " " + url + "\n";
    for (const std::string& header : flags.headers) text += header + "\n";
    if (!flags.body.empty()) text += "@" + flags.body + "\n";
    text += "\n";
  }
  return text;
}

struct Attack {
  attack::AttackPlan plan;
  std::vector<attack::AttackTarget> targets;
  attack::DestinationRules rules;
};

Result<Attack> ReadJob(const AttackFlags& flags) {
  THRONG_ASSIGN_OR_RETURN(const std::string text,
                          os::RealFileSystem().Read(flags.job, kJobFileBytes));
  THRONG_ASSIGN_OR_RETURN(const attack::AttackJob job, attack::ParseAttackJob(text));
  Attack attack{.plan = job.plan, .targets = {}, .rules = {}};
  THRONG_ASSIGN_OR_RETURN(attack.targets, attack::TargetsOf(job.plan.targets_path, job.files));
  return attack;
}

Result<Attack> Prepare(const AttackFlags& flags, const std::vector<std::string>& urls) {
  Attack attack{.plan = flags.plan,
                .targets = {},
                .rules = {.gateway = {}, .reaches_loopback = true, .every_name = true}};
  if (!flags.job.empty()) {
    THRONG_ASSIGN_OR_RETURN(attack, ReadJob(flags));
  } else {
    attack.plan.keep_alive = !flags.no_keep_alive;
    THRONG_ASSIGN_OR_RETURN(const std::string text, TargetsText(flags, urls));
    THRONG_ASSIGN_OR_RETURN(attack.targets, attack::ParseTargets(text, ReadFile));
  }
  if (!flags.gateway.empty()) {
    auto gateway = attack::ParseGatewayAddress(flags.gateway);
    if (!gateway.ok()) return gateway.status().WithContext("--gateway");
    attack.rules.gateway = *gateway;
  }
  return attack;
}

// False: a signal ended a job, which is then not done. A person's first signal ends the sending,
// the second one the waiting.
Result<bool> Carry(Attack attack, bool is_job) {
  THRONG_ASSIGN_OR_RETURN(const os::UniqueFd signals, os::WatchSignals({SIGTERM, SIGINT}));
  os::IgnoreBrokenPipes();
  os::RaiseOpenFileLimit();
  THRONG_ASSIGN_OR_RETURN(const auto loop, os::EventLoop::Create(os::RealClock()));
  attack::Attacker attacker(*loop, std::move(attack.plan), std::move(attack.targets), attack.rules,
                            [&] { loop->Stop(); });
  int signals_seen = 0;
  THRONG_RETURN_IF_ERROR(loop->Watch(signals.get(), os::kReadable, [&](uint32_t) {
    while (os::ReadSignal(signals.get())) {
      ++signals_seen;
      if (is_job || signals_seen > 1) return loop->Stop();
      attacker.StopSending();
    }
  }));
  attacker.Start();
  loop->Run();
  loop->Unwatch(signals.get());
  const std::string report = attack::TextReport(attacker.Summary());
  std::fwrite(report.data(), 1, report.size(), stdout);
  std::fflush(stdout);
  return signals_seen == 0 || !is_job;
}

Status Run(const AttackFlags& flags, const std::vector<std::string>& urls) {
  THRONG_ASSIGN_OR_RETURN(Attack attack, Prepare(flags, urls));
  const bool is_job = !flags.job.empty();
  THRONG_ASSIGN_OR_RETURN(const bool done, Carry(std::move(attack), is_job));
  if (!done) return UnavailableError("it was told to end before it was done");
  if (flags.result.empty()) return OkStatus();
  return os::WritePrivateFile(flags.result,
                              attack::AttackResultText(0, "", os::RealClock().WallNow()));
}

}  // namespace

int AttackCommand(std::span<const std::string> arguments) {
  AttackFlags flags;
  const OptionTable table = MakeTable(flags);
  const auto urls = table.Parse(arguments);
  if (!urls.ok()) {
    std::fprintf(stderr, "throng attack: %s\n", urls.status().message().c_str());
    return 2;
  }
  if (flags.help) {
    std::printf(
        "usage: throng attack [options] [URL...]\n\nSends requests on a fixed plan, whatever the "
        "replies do, and reports how they were\nanswered. Hosts are names, which go to --gateway, "
        "or this machine:\nhttp://127.0.0.1:8000/v2.\n\n%s",
        table.Help().c_str());
    return 0;
  }
  const Status status = Run(flags, *urls);
  if (status.ok()) return 0;
  std::fprintf(stderr, "throng attack: %s\n", status.message().c_str());
  return status.code() == StatusCode::kInvalidArgument ? 2 : 1;
}

}  // namespace throng::cli
