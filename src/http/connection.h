// One client of an HttpServer: reads requests, keeps the order of their replies, watches over its
// deadlines. Internal to http/. Owned by its server; everything on the loop's thread.
//
//   reading ──refused request, last reply──> discarding ──all sent──> lingering ──> closed
//
// While reading, what follows a request is parsed as far as the bounds of pipelining allow. Behind
// them nothing is read. `discarding` reads on only to notice that the client goes away.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/message_head.h"
#include "http/output_queue.h"
#include "http/request_parser.h"
#include "http/server.h"
#include "os/event_loop.h"
#include "os/unique_fd.h"

namespace throng::http {

class Connection;

// What the connections of one server share.
class ConnectionOwner {
 public:
  virtual ~ConnectionOwner() = default;
  virtual os::EventLoop& loop() = 0;
  virtual const ServerOptions& options() const = 0;
  virtual void Handle(std::shared_ptr<Exchange> exchange) = 0;
  virtual std::span<std::byte> read_buffer() = 0;
  virtual BufferPool& buffers() = 0;
  // Of a reply that no handler made.
  virtual std::string ErrorBody(int status, std::string_view text) = 0;
  // Shared, because an exchange may outlive the server.
  virtual const std::shared_ptr<RequestPool>& requests() = 0;
  // Asks for one call of connection.EndRound() at the end of this round.
  virtual void NeedsEndOfRound(Connection& connection) = 0;
  // The connection is done with: delete it at the end of this round.
  virtual void OnClosed(Connection& connection) = 0;
};

class PendingExchange;
class PendingStream;
struct StreamedReply;

class Connection {
 public:
  Connection(ConnectionOwner& owner, os::UniqueFd fd, std::shared_ptr<const PeerIdentity> peer);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  // ERRORS: as EventLoop::Watch.
  Status Start();
  // Writes what the round produced, goes on with what waited, sets interest and deadline.
  void EndRound(MonotonicTime now);
  // No more requests after those that are here already.
  void Drain();
  void Close();
  bool closed() const { return closed_; }

  // Called by the exchange numbered `sequence`.
  void Answer(uint64_t sequence, Reply reply);
  void Unanswered(uint64_t sequence);
  // Called for and by the stream that answers it.
  void StartStream(uint64_t sequence, Reply head, PendingStream& writer);
  void WriteStream(uint64_t sequence, std::string_view bytes);
  void FinishStream(uint64_t sequence);
  void DropStream(uint64_t sequence);
  size_t UnsentOfStream(uint64_t sequence) const;
  os::EventLoop& loop() { return owner_.loop(); }
  const std::string& client_address();

  // For the owner's books.
  size_t index = 0;
  bool in_round = false;

 private:
  // What the client owes: a request (the first one, the next one), the rest of one, nothing.
  enum class Waiting : uint8_t { kForFirst, kForNext, kForHeaders, kForBody, kForNothing, kForEnd };

  struct Slot {
    PendingExchange* exchange = nullptr;    // null when answered
    std::unique_ptr<Reply> reply;           // waits for its turn
    std::unique_ptr<StreamedReply> stream;  // waits for its turn, or is under way
    int minor_version = 1;
    bool keep_alive = true;
    bool is_head = false;
  };

  void OnEvents(uint32_t events);
  void Read(std::span<std::byte> buffer);
  void OnPeerClosed();
  size_t Process(std::string_view bytes);
  void ProcessKept();
  void StartExchange();
  void Refuse(int status, std::string_view text);
  void SendReadyReplies();
  void Render(const Slot& slot, Reply reply);
  ConnectionHeader HeaderFor(const Slot& slot, bool closes) const;
  void CloseAfter(const Slot& slot);
  bool StartStreamedReply(Slot& slot);
  void AppendToStream(StreamedReply& stream, std::string_view bytes);
  void CutReply();
  void DropSlots(size_t first);
  void TellProgress();
  Slot& SlotOf(uint64_t sequence);
  bool ReadingPaused() const;
  bool FlushOutput(MonotonicTime now);
  Waiting WhatFor() const;
  void SetReadDeadline(MonotonicTime now);
  void SetInterest();
  void SetTimer();
  void OnTimer();

  ConnectionOwner& owner_;
  os::UniqueFd fd_;
  const std::shared_ptr<const PeerIdentity> peer_;
  std::optional<std::string> client_address_;  // asked for at most once
  RequestParser parser_;
  OutputQueue output_;
  std::string kept_;             // read, not used by the parser yet
  std::vector<Slot> slots_;      // unanswered requests, in order
  uint64_t first_sequence_ = 0;  // of slots_.front(): requests answered so far
  uint64_t read_bytes_ = 0;

  Waiting waiting_ = Waiting::kForFirst;
  uint64_t waiting_sequence_ = 0;     // of the request that is being waited for
  uint64_t progress_bytes_ = 0;       // read_bytes_ at the last extension
  uint64_t sent_progress_bytes_ = 0;  // output_.sent_bytes() at the last extension
  MonotonicTime read_deadline_ = MonotonicTime::max();
  MonotonicTime write_deadline_ = MonotonicTime::max();
  MonotonicTime timer_time_ = MonotonicTime::max();
  os::EventLoop::TimerId timer_ = 0;

  uint32_t interest_ = 0;
  bool has_spare_request_ = false;
  bool continue_seen_ = false;  // of the request being read
  bool continue_due_ = false;
  bool stalled_ = false;     // kept_ has whole requests, behind a bound
  bool peer_done_ = false;   // it sends no more, but may read
  bool discarding_ = false;  // no request is taken any more
  bool linger_ = false;      // the client may be sending still
  bool close_when_sent_ = false;
  bool lingering_ = false;
  bool draining_ = false;
  bool closed_ = false;
};

}  // namespace throng::http
