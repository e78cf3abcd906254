// What users write of an attack: the command of a Job, its targets, and what is made of both.
#include <cstdint>
#include <string>
#include <string_view>

#include "attack/destination.h"
#include "attack/job_document.h"
#include "attack/pipeline.h"
#include "attack/targets.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace throng::attack;  // NOLINT: one function
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 'c': {
      const auto plan = ParsePipeline({"sh", "-c", text});
      if (!plan.ok()) break;
      const auto again = ParseAttackJob(AttackJobText({*plan, {{plan->targets_path, text}}}));
      if (!again.ok() || again->files.at(plan->targets_path) != text) __builtin_trap();
      break;
    }
    case 't': {
      const auto targets = TargetsOf("/t", {{"/t", text}, {"/body", "x"}});
      if (!targets.ok()) break;
      const DestinationRules rules{.gateway =
                                       throng::http::ServerAddress{.host = "127.0.0.1", .port = 1}};
      for (const AttackTarget& target : *targets) {
        const auto found = FindDestination(target.url, rules);
        if (found.ok() && found->address != *rules.gateway) __builtin_trap();
      }
      break;
    }
    default:
      (void)ParseAttackJob(text);
  }
  return 0;
}
