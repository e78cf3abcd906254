#include "tests/integration/testing/caller.h"

#include <regex>

#include <nlohmann/json.hpp>

#include "base/limits.h"

namespace throng::integration {

std::string Answer::Header(std::string_view name) const {
  const std::string* value = reply.FindHeader(name);
  return value == nullptr ? "" : *value;
}

Answer Caller::Send(std::string_view method, const std::string& target,
                    const std::vector<http::Header>& headers, const std::string& body) {
  auto reply = client_.Send("127.0.0.1", port_, method, target, headers, body,
                            std::chrono::steady_clock::now() + limit_);
  Answer answer;
  if (!reply.ok()) {
    answer.body = "no answer: " + reply.status().ToString();
    return answer;
  }
  answer.reply = std::move(reply).value();
  answer.status = answer.reply.status;
  answer.body = answer.reply.body;
  return answer;
}

Answer Caller::Get(const std::string& target) { return Send("GET", target, {}, ""); }

Answer Caller::Post(const std::string& target, const std::string& body) {
  return Send("POST", target, {}, body);
}

Answer Caller::Infer(const std::string& model, const std::string& body) {
  return Post("/v2/models/" + model + "/infer", body);
}

std::string FindInternals(const std::string& text) {
  static const std::regex kPath(R"((^|[^A-Za-z0-9_.:/-])/[A-Za-z0-9_.+-]+/[A-Za-z0-9_.+-]+)");
  static const std::regex kAddress(R"(0x[0-9a-fA-F]{6,})");
  std::smatch match;
  if (std::regex_search(text, match, kPath)) return match.str();
  if (std::regex_search(text, match, kAddress)) return match.str();
  return "";
}

std::string ErrorText(const Answer& answer) {
  const auto body = nlohmann::json::parse(answer.body, nullptr, false);
  if (!body.is_object() || body.size() != 1 || !body.contains("error")) return "";
  return body["error"].is_string() ? body["error"].get<std::string>() : "";
}

std::string WrongWithError(const Answer& answer) {
  const std::string status = "status " + std::to_string(answer.status) + ": ";
  if (answer.status < 400 || answer.status > 599) return status + answer.body.substr(0, 300);
  const std::string text = ErrorText(answer);
  if (text.empty()) return status + "no reason in " + answer.body.substr(0, 300);
  if (text.size() > limits::kErrorTextBytes) {
    return status + "a text of " + std::to_string(text.size()) + " bytes";
  }
  const std::string internals = FindInternals(text);
  if (!internals.empty()) return status + "'" + internals + "' in " + text;
  return "";
}

}  // namespace throng::integration
