// UniqueFunction<R(Args...)>: a callable that is moved, never copied (C++23's move_only_function,
// which neither of our compilers has). Used for completions, which own what they complete.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

namespace throng {

template <typename Signature>
class UniqueFunction;

template <typename R, typename... Args>
class UniqueFunction<R(Args...)> {
 public:
  UniqueFunction() = default;
  UniqueFunction(std::nullptr_t) {}  // NOLINT: implicit, as std::function's

  template <typename F>
  requires(!std::is_same_v<std::decay_t<F>, UniqueFunction> &&
           std::is_invocable_r_v<R, std::decay_t<F>&, Args...>)
      UniqueFunction(F&& callable)  // NOLINT: implicit, as std::function's
      : target_(std::make_unique<Holder<std::decay_t<F>>>(std::forward<F>(callable))) {}

  explicit operator bool() const { return target_ != nullptr; }

  // REQUIRES: a target is set.
  R operator()(Args... args) { return target_->Call(std::forward<Args>(args)...); }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual R Call(Args... args) = 0;
  };
  template <typename F>
  struct Holder : Base {
    explicit Holder(F f) : callable(std::move(f)) {}
    R Call(Args... args) override { return callable(std::forward<Args>(args)...); }
    F callable;
  };
  std::unique_ptr<Base> target_;
};

// A completion: called exactly once, with the value or the reason that there is none.
template <typename T>
using Done = UniqueFunction<void(T)>;

}  // namespace throng
