// The text of GET /metrics (Prometheus exposition format 0.0.4). Per-model families come with the
// statistics extension; these are the server's own.
#pragma once

#include <string>

#include "residency/model_manager.h"
#include "runner/runner_pool.h"
#include "scheduler/scheduler.h"

namespace throng::server {

std::string MetricsPage(const residency::ManagerStats& models,
                        const runner::RunnerPoolStats& runners,
                        const scheduler::SchedulerStats& calls);

}  // namespace throng::server
