// NullModel: one model of the null runner. See null_config.h for what it can do.
#pragma once

#include <cstdint>
#include <span>

#include "runners/null/hostile.h"
#include "runners/null/null_config.h"
#include "runners/sdk/backend.h"

namespace throng::null_runner {

class NullModel final : public sdk::LoadedModel {
 public:
  NullModel(NullConfig config, model::ModelMetadata metadata, const Surroundings& surroundings);

  const model::ModelMetadata& metadata() const override { return metadata_; }
  Status Execute(std::span<const sdk::Input> inputs, std::span<const uint16_t> requested_outputs,
                 sdk::OutputSink& outputs) override;

 private:
  void DieWhenDue();
  Status Echo(const sdk::Input& input, sdk::OutputSink& outputs);
  Status Sum(const sdk::Input& input, sdk::OutputSink& outputs);

  const NullConfig config_;
  const model::ModelMetadata metadata_;
  const Surroundings& surroundings_;
  uint64_t calls_ = 0;
};

// By poll, which every cell may call. Negative: for ever.
void SleepMilliseconds(int milliseconds);

}  // namespace throng::null_runner
