// The machine that figures come from, for the head of every report.
#pragma once

#include <string>

namespace throng::bench {

// "AMD EPYC, 2 cores, kernel 6.18, load 3.1, 24 GiB; spin: 1.00 s of CPU in 1.02 s". Spins for a
// second: the share of the CPU that it got says how far the figures can be trusted.
std::string DescribeMachine();

}  // namespace throng::bench
