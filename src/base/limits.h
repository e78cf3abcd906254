// The one table of bounds. Every queue, body, depth, list and retry that input can grow is named
// here, and tested at the bound. Values that an operator may change are defaults of flags.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace throng::limits {

// --- HTTP/1.1 -----------------------------------------------------------------------------
inline constexpr size_t kHttpRequestLineBytes = 8 * 1024;      // longer: 414
inline constexpr size_t kHttpHeaderBytes = 32 * 1024;          // all header lines: 431
inline constexpr size_t kHttpHeaderCount = 100;                // more: 431
inline constexpr size_t kHttpBodyBytes = 64ULL * 1024 * 1024;  // --http-max-input-size; more: 400
inline constexpr size_t kHttpChunkLineBytes = 256;             // size and extensions of a chunk
inline constexpr size_t kHttpChunkCount = 65536;               // Triton's own bound
inline constexpr size_t kHttpPipelinedRequests = 64;           // unanswered, per connection
inline constexpr size_t kHttpConnections = 8192;               // more: accepted and closed, 503
inline constexpr size_t kHttpUnsentReplyBytes =
    256ULL * 1024 * 1024;                                      // per connection, then closed
inline constexpr std::chrono::seconds kHttpHeaderTimeout{10};  // first byte to end of headers: 408
inline constexpr std::chrono::seconds kHttpBodyTimeout{60};    // without progress: 408
inline constexpr std::chrono::seconds kHttpIdleTimeout{300};   // keep-alive
inline constexpr std::chrono::seconds kHttpWriteTimeout{60};   // without progress: closed
inline constexpr size_t kHttpProgressBytes = 32 * 1024;        // within a timeout: progress
inline constexpr size_t kHttpUnsentBeforePause = 1024 * 1024;  // unsent reply: no more is read
inline constexpr std::chrono::seconds kHttpLingerTimeout{2};   // between last reply and close
inline constexpr std::chrono::milliseconds kHttpDrainGrace{250};  // new connection while draining
inline constexpr std::chrono::milliseconds kAcceptBackOff{100};   // out of descriptors
inline constexpr size_t kHttpSpareBuffers = 64;                   // kept for their memory, per loop
inline constexpr size_t kHttpSpareBytes = 64 * 1024;              // each, at most

// --- HTTP/2 (gRPC) ------------------------------------------------------------------------
inline constexpr size_t kGrpcConnections = 1024;
inline constexpr uint32_t kGrpcStreams = 100;              // open at once, per connection
inline constexpr size_t kGrpcHeaderListBytes = 16 * 1024;  // counted as RFC 9113 6.5.2 says
inline constexpr size_t kGrpcUnsentBytes = 256 * 1024;     // more: no more is read
inline constexpr int kGrpcControlFrames = 1000;            // burst; more: ENHANCE_YOUR_CALM
inline constexpr int kGrpcControlFramesPerSecond = 100;    // sustained
inline constexpr int kGrpcControlFramesPerCall = 8;        // answered call: added to both

// --- JSON and tensors ---------------------------------------------------------------------
inline constexpr size_t kJsonDepth = 64;
inline constexpr size_t kJsonKeysPerObject = 1024;
inline constexpr size_t kTensorRank = 32;
inline constexpr size_t kTensorBytes = 64ULL * 1024 * 1024;         // one tensor
inline constexpr size_t kRequestTensorBytes = 64ULL * 1024 * 1024;  // all inputs of a request
inline constexpr size_t kReplyTensorBytes = 64ULL * 1024 * 1024;    // all outputs of a reply
inline constexpr size_t kTensorsPerRequest = 256;                   // inputs, and requested outputs
inline constexpr size_t kRequestIdBytes = 1024;
inline constexpr size_t kParametersPerObject = 64;
inline constexpr size_t kErrorTextBytes = 1024;

// --- Models and folders -------------------------------------------------------------------
inline constexpr size_t kModelNameBytes = 253;
inline constexpr size_t kModelConfigBytes = 1024 * 1024;  // config.pbtxt
inline constexpr size_t kModelConfigDepth = 32;
inline constexpr size_t kArtifactBytes = 8ULL * 1024 * 1024 * 1024;
inline constexpr size_t kArtifactFiles = 4096;
inline constexpr size_t kModelTensors = 256;  // inputs, and outputs, of a model
inline constexpr size_t kVersionsPerModel = 1024;
inline constexpr size_t kDirectoryEntries = 256 * 1024;  // listed at once
inline constexpr size_t kModelParameters = 256;          // of a configuration
inline constexpr size_t kFormatsPerFramework = 64;       // of a framework manifest
inline constexpr size_t kModelInstances = 1024;          // sum of instance_group counts
inline constexpr size_t kArtifactDepth = 32;             // folders inside folders
inline constexpr size_t kArchiveDirectoryBytes = 16ULL * 1024 * 1024;  // zip, for recognising
inline constexpr size_t kArchiveMembers = 65536;                       // zip, for recognising
inline constexpr int kProtobufFieldsWalked = 64;  // from the front, for recognising

// --- Cells --------------------------------------------------------------------------------
inline constexpr size_t kWireFrameBytes = 1024 * 1024;  // one message, without tensors
inline constexpr size_t kWireStringBytes = 64 * 1024;
inline constexpr size_t kLoadWarnings = 64;  // of one load; further ones are dropped
inline constexpr size_t kArenaBytes = 256ULL * 1024 * 1024;       // each direction, sparse
inline constexpr size_t kCallsInCell = 16;                        // sent and not answered
inline constexpr size_t kFramesQueuedInCell = 256;                // more: the cell ends
inline constexpr size_t kInputBytesInCell = 64ULL * 1024 * 1024;  // of calls sent ahead
inline constexpr size_t kModelsPerPackedCell = 64;
inline constexpr size_t kPackedCellBytes = 512ULL * 1024 * 1024;  // of model files
inline constexpr size_t kPackedModelBytes = 16ULL * 1024 * 1024;  // a larger one gets its own cell
inline constexpr size_t kPackedCellsPerFramework = 16;            // before busy ones take loads
inline constexpr size_t kCells = 1024;
inline constexpr size_t kConcurrentLoads = 4;
inline constexpr size_t kQueuedLoads = 100000;        // models that wait for their load
inline constexpr size_t kLoadWaitersPerModel = 1024;  // requests that wait; more: 503
inline constexpr size_t kCellMemoryBytes = 4ULL * 1024 * 1024 * 1024;  // RLIMIT_DATA over the fork
inline constexpr std::chrono::seconds kExecutionDeadline{60};          // --execution-deadline
inline constexpr std::chrono::seconds kLoadDeadline{120};
inline constexpr std::chrono::seconds kZygoteStartDeadline{60};
inline constexpr int kZygoteStartRetries = 8;  // in a row, killed from outside while warming up
inline constexpr int kCellStartRetries = 8;    // after it, or its zygote, ended meanwhile
inline constexpr std::chrono::seconds kForkDeadline{5};    // by a warm zygote; later: it is killed
inline constexpr std::chrono::seconds kHelloDeadline{10};  // of a new cell; later: it is killed
inline constexpr std::chrono::seconds kStopDeadline{2};    // of a cell asked to stop; then killed
inline constexpr std::chrono::seconds kEndDeadline{5};     // of a killed one, then it is left alone
inline constexpr std::chrono::milliseconds kSpareDelay{20};   // before a spare is made
inline constexpr std::chrono::seconds kSpareDelayMost{30};    // doubled per failure in a row
inline constexpr std::chrono::seconds kSpareProven{10};       // it lived: no failure of spares
inline constexpr std::chrono::seconds kRequestDeadline{150};  // queueing and loading included

// --- Scheduler ----------------------------------------------------------------------------
inline constexpr size_t kQueuedCallsPerModel = 1024;  // more: 503 with Retry-After
inline constexpr size_t kQueuedCalls = 16384;         // all models
inline constexpr size_t kQueuedInputBytes = 1024ULL * 1024 * 1024;
inline constexpr int kLoadRetries = 3;         // after its cell ended, not through this load
inline constexpr int kCallRetries = 1;         // after its cell ended by another call's fault
inline constexpr int kCallRetriesOutside = 8;  // after its cell was killed from outside

}  // namespace throng::limits
