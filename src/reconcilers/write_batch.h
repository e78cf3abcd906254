// WriteBatch: the writes of one look at an object. They go out together; the look is finished when
// the last one is durable, and fails when one of them did (to be looked at again).
//
//   auto batch = WriteBatch::Begin(requeue, std::move(finished));
//   objects.Update(kind, object, Part::kStatus, batch->Expect());
//
// Ends when the last copy of `batch` and all its expectations are gone. One executor.
#pragma once

#include <memory>
#include <utility>

#include "base/kill_point.h"
#include "controller/work_queue.h"
#include "kube/objects.h"

namespace throng::reconcilers {

class WriteBatch : public std::enable_shared_from_this<WriteBatch> {
 public:
  static std::shared_ptr<WriteBatch> Begin(controller::WorkQueue::Finished finished) {
    return std::shared_ptr<WriteBatch>(new WriteBatch(std::move(finished)));
  }
  ~WriteBatch() {
    if (status_.ok()) {
      finished_(requeue_);
    } else {
      finished_(status_);
    }
  }
  WriteBatch(const WriteBatch&) = delete;
  WriteBatch& operator=(const WriteBatch&) = delete;

  // Look again no later than this.
  void LookAgainAfter(Duration delay) {
    if (requeue_.after.count() == 0 || delay < requeue_.after) requeue_.after = delay;
  }
  void Fail(const Status& status) {
    if (status_.ok()) status_ = status;
  }
  // `ignored`: a code that is as good as success here (deleting what is gone, say).
  kube::Objects::WriteDone Expect(StatusCode ignored = StatusCode::kOk) {
    return [self = shared_from_this(), ignored](Result<kube::Json> result) {
      if (!result.ok() && result.status().code() != ignored) self->Fail(result.status());
    };
  }
  // The same, with a place to die once it is durable.
  kube::Objects::WriteDone ExpectAt(KillPointName point, StatusCode ignored = StatusCode::kOk) {
    return [point, expected = Expect(ignored)](Result<kube::Json> result) mutable {
      if (result.ok()) KillPoint(point);
      expected(std::move(result));
    };
  }

 private:
  explicit WriteBatch(controller::WorkQueue::Finished finished) : finished_(std::move(finished)) {}

  controller::WorkQueue::Finished finished_;
  controller::Requeue requeue_;
  Status status_;
};

}  // namespace throng::reconcilers
