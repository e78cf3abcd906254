#include "server/metrics_page.h"

#include <string_view>

namespace throng::server {
namespace {

void Add(std::string& page, std::string_view name, std::string_view type, std::string_view help,
         uint64_t value) {
  page += "# HELP ";
  page += name;
  page += ' ';
  page += help;
  page += "\n# TYPE ";
  page += name;
  page += ' ';
  page += type;
  page += '\n';
  page += name;
  page += ' ' + std::to_string(value) + '\n';
}

}  // namespace

std::string MetricsPage(const residency::ManagerStats& models,
                        const runner::RunnerPoolStats& runners,
                        const scheduler::SchedulerStats& calls) {
  std::string page;
  Add(page, "throng_inferences_succeeded_total", "counter", "Inferences answered with outputs.",
      calls.succeeded);
  Add(page, "throng_inferences_failed_total", "counter", "Inferences answered with an error.",
      calls.failed);
  Add(page, "throng_inferences_refused_total", "counter", "Of those, refused by a full queue.",
      calls.refused);
  Add(page, "throng_inferences_retried_total", "counter",
      "Inferences sent to another cell after theirs ended.", calls.retried);
  Add(page, "throng_inferences_moved_total", "counter",
      "Inferences moved away from a cell that was held up.", calls.moved);
  Add(page, "throng_inferences_in_flight", "gauge", "Inferences queued or running.",
      calls.in_flight);
  Add(page, "throng_models_registered", "gauge", "Versions of models that can be asked for.",
      models.registered);
  Add(page, "throng_models_resident", "gauge", "Versions of models that are in memory.",
      models.ready);
  Add(page, "throng_model_loads_total", "counter", "Loads that succeeded.", models.loads);
  Add(page, "throng_model_load_failures_total", "counter", "Loads that failed.",
      models.load_failures);
  Add(page, "throng_model_unloads_total", "counter", "Unloads.", models.unloads);
  Add(page, "throng_model_offences_total", "counter",
      "Times that a model ended its process by a fault of its own.", models.offences);
  Add(page, "throng_cells", "gauge", "Model processes, spare ones included.", runners.cells);
  Add(page, "throng_cells_started_total", "counter", "Model processes started.",
      runners.cells_started);
  Add(page, "throng_cells_crashed_total", "counter", "Model processes that ended by a fault.",
      runners.cells_crashed);
  Add(page, "throng_cells_killed_total", "counter", "Model processes killed from outside.",
      runners.cells_killed_from_outside);
  Add(page, "throng_zygotes", "gauge", "Framework processes.", runners.zygotes);
  Add(page, "throng_zygotes_started_total", "counter", "Framework processes started.",
      runners.zygotes_started);
  Add(page, "throng_sandbox_parts_refused_total", "counter",
      "Parts of the sandbox that this system refuses, summed over frameworks",
      runners.sandbox_parts_refused);
  return page;
}

}  // namespace throng::server
