// KillPoint for tests: ends the process at the point that the file kill-at in the working directory
// names. A test writes that file; processes that `throng up` starts have its working directory. The
// file is taken away first and its name and the process left in `killed`, so that one process ends
// once, whatever starts again in its place.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "base/kill_point.h"

namespace throng {
namespace {

constexpr char kOrder[] = "kill-at";
constexpr char kDone[] = "killed";
constexpr size_t kLongestName = 128;

bool IsOrdered(std::string_view name) {
  const int file = open(kOrder, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  char text[kLongestName];
  const ssize_t count = read(file, text, sizeof(text));
  close(file);
  return count > 0 && std::string_view(text, static_cast<size_t>(count)) == name;
}

}  // namespace

void KillPoint(KillPointName name) {
  if (!IsOrdered(name.text()) || unlink(kOrder) != 0) return;
  const std::string draft = std::string(kDone) + ".new";
  const int file = open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  dprintf(file, "%s %d\n", std::string(name.text()).c_str(), static_cast<int>(getpid()));
  close(file);
  (void)rename(draft.c_str(), kDone);
  kill(getpid(), SIGKILL);
  while (true) pause();
}

}  // namespace throng
