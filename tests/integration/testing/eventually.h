// Waiting for what another process brings about.
#pragma once

#include <chrono>
#include <thread>

namespace throng::integration {

// Asks until the condition holds, at most 20 s. False: it never did.
template <typename Condition>
bool Eventually(const Condition& condition) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= give_up) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace throng::integration
