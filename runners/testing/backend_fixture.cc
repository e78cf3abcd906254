#include "runners/testing/backend_fixture.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "base/check.h"
#include "os/memory_file.h"
#include "os/unique_fd.h"

namespace throng::runners_testing {
namespace {

constexpr size_t kPageBytes = 4096;
constexpr int kChildDeadlineMs = 60'000;

// Sanitizers need syscalls that no cell has.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

void WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(fd, bytes.data(), bytes.size());
    THRONG_CHECK(count > 0);
    bytes.remove_prefix(static_cast<size_t>(count));
  }
}

[[noreturn]] void BeCell(sdk::Backend& backend, const os::SyscallFilter* filter, int report,
                         const std::function<std::string()>& body) {
  std::string text;
  Status status = backend.PrepareCell();
  if (status.ok() && filter != nullptr) status = filter->Apply();
  if (!status.ok()) {
    WriteAll(report, "cell: " + status.ToString());
    _exit(2);
  }
  WriteAll(report, body());
  _exit(0);
}

// Reads until the other end closes. False when that takes too long.
bool ReadReport(int fd, std::string& report) {
  while (true) {
    pollfd ready = {fd, POLLIN, 0};
    if (poll(&ready, 1, kChildDeadlineMs) <= 0) return false;
    char buffer[4096];
    const ssize_t count = read(fd, buffer, sizeof(buffer));
    if (count <= 0) return true;
    report.append(buffer, static_cast<size_t>(count));
  }
}

}  // namespace

std::shared_ptr<const sdk::ArtifactBytes> MakeArtifact(const std::vector<NamedBytes>& files) {
  std::string all;
  std::vector<size_t> offsets;
  for (const auto& [name, bytes] : files) {
    offsets.push_back(all.size());
    all += bytes;
    all.resize((all.size() + kPageBytes) / kPageBytes * kPageBytes);
  }
  if (all.empty()) all.resize(kPageBytes);
  Result<os::UniqueFd> memory = os::CreateMemoryFile("test-artifact");
  THRONG_CHECK(memory.ok());
  WriteAll(memory->get(), all);
  THRONG_CHECK(os::SealReadOnly(memory->get()).ok());
  Result<os::Mapping> mapping = os::Mapping::Map(memory->get(), all.size(), /*writable=*/false);
  THRONG_CHECK(mapping.ok());
  std::vector<sdk::ArtifactBytes::File> entries;
  for (size_t i = 0; i < files.size(); ++i) {
    entries.push_back(
        {files[i].first, mapping->bytes().subspan(offsets[i], files[i].second.size())});
  }
  return std::make_shared<const sdk::ArtifactBytes>(*std::move(mapping), std::move(entries));
}

std::string ReadSourceFile(const std::string& path) {
  std::ifstream file(std::string(THRONG_SOURCE_DIR) + "/" + path, std::ios::binary);
  THRONG_CHECK(file.good());
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

Result<std::span<std::byte>> CollectingSink::Allocate(uint16_t index, tensor::DataType type,
                                                      const tensor::Shape& shape,
                                                      uint64_t size_bytes) {
  auto output = std::make_unique<Output>(Output{index, type, shape, {}});
  output->data.resize(size_bytes);
  outputs_.push_back(std::move(output));
  return std::span<std::byte>(outputs_.back()->data);
}

const CollectingSink::Output* CollectingSink::Find(uint16_t index) const {
  for (const auto& output : outputs_) {
    if (output->index == index) return output.get();
  }
  return nullptr;
}

OwnedInput FloatInput(uint16_t index, tensor::Shape shape, const std::vector<float>& values) {
  OwnedInput input{index, {tensor::DataType::kFp32, std::move(shape), {}}};
  input.tensor.data.resize(values.size() * sizeof(float));
  if (!values.empty()) {
    std::memcpy(input.tensor.data.data(), values.data(), input.tensor.data.size());
  }
  return input;
}

OwnedInput StringInput(uint16_t index, tensor::Shape shape,
                       const std::vector<std::string>& values) {
  OwnedInput input{index, {tensor::DataType::kBytes, std::move(shape), {}}};
  for (const std::string& value : values) tensor::AppendBytesElement(value, input.tensor.data);
  return input;
}

std::vector<float> Floats(const CollectingSink::Output& output) {
  THRONG_CHECK(output.type == tensor::DataType::kFp32);
  std::vector<float> values(output.data.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), output.data.data(), output.data.size());
  return values;
}

std::vector<std::string> Strings(const CollectingSink::Output& output) {
  std::vector<std::string> values;
  tensor::BytesReader reader(output.data);
  while (true) {
    const Result<std::optional<std::string_view>> element = reader.Next();
    THRONG_CHECK(element.ok());
    if (!element->has_value()) return values;
    values.emplace_back(**element);
  }
}

Status RunModel(sdk::LoadedModel& model, const std::vector<OwnedInput>& inputs,
                CollectingSink& sink) {
  std::vector<sdk::Input> views;
  for (const OwnedInput& input : inputs) views.push_back(input.view());
  return model.Execute(views, {}, sink);
}

ChildEnd RunInCell(sdk::Backend& backend, const std::function<std::string()>& body) {
  std::optional<os::SyscallFilter> filter;
  if (!kSanitized) {
    Result<os::SyscallFilter> compiled =
        os::SyscallFilter::Compile(backend.sandbox().extra_syscalls);
    THRONG_CHECK(compiled.ok());
    filter.emplace(*std::move(compiled));
  }
  int ends[2];
  THRONG_CHECK(pipe(ends) == 0);
  const pid_t child = fork();
  THRONG_CHECK(child >= 0);
  if (child == 0) {
    close(ends[0]);
    BeCell(backend, filter.has_value() ? &*filter : nullptr, ends[1], body);
  }
  close(ends[1]);
  ChildEnd end;
  if (!ReadReport(ends[0], end.report)) kill(child, SIGKILL);
  close(ends[0]);
  int status = 0;
  THRONG_CHECK(waitpid(child, &status, 0) == child);
  if (WIFEXITED(status)) end.exit_status = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
  return end;
}

}  // namespace throng::runners_testing
