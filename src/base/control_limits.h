// The table of bounds, second page: the control plane, its agents and the gateway. The same rules
// as base/limits.h, which is the first page: every queue, body, depth, list and retry that input
// can grow is named in one of the two, and tested at the bound.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace throng::limits {

// --- Objects (Kubernetes' own bounds where it has them) ------------------------------------
inline constexpr size_t kObjectBodyBytes = 3ULL * 1024 * 1024;  // of a request to the API: 413
inline constexpr size_t kObjectBytes = 1536ULL * 1024;          // stored; more: 413
inline constexpr size_t kObjectDepth = 64;                      // of JSON or YAML
inline constexpr size_t kAnnotationBytes = 256ULL * 1024;       // of one object: 422
inline constexpr size_t kConfigMapBytes = 1024ULL * 1024;       // data of one: 422
inline constexpr size_t kObjectNameBytes = 253;                 // DNS-1123 subdomain
inline constexpr size_t kLabelValueBytes = 63;
inline constexpr size_t kPatchOperations = 10000;              // of a JSON patch
inline constexpr size_t kPatchCopyBytes = 3ULL * 1024 * 1024;  // copied by one JSON patch
inline constexpr size_t kPatchShiftedItems = 5000000;          // of lists, by one JSON patch
inline constexpr size_t kSelectorTerms = 1000;                 // of a label or field selector
inline constexpr size_t kFieldManagerBytes = 128;              // name of one
inline constexpr size_t kUpdateManagers = 10;  // of one object; the oldest are joined
inline constexpr size_t kFieldErrors = 100;    // told of one object; further ones are not

// --- Store ---------------------------------------------------------------------------------
inline constexpr size_t kStoreHistory = 10000;  // changes kept for watches; older: 410
inline constexpr size_t kStoreHistoryBytes = 64ULL * 1024 * 1024;
inline constexpr size_t kStorePendingWrites = 4096;                // not committed; more: 429
inline constexpr size_t kStorePendingBytes = 64ULL * 1024 * 1024;  // of their values; more: 429
inline constexpr size_t kStoreKeyBytes = 1024;  // resource, namespace and name of a record
inline constexpr size_t kStoreWatches = 4096;   // more: 429
inline constexpr size_t kStoreObjects = 2000000;

// --- API server ----------------------------------------------------------------------------
inline constexpr size_t kApiWatches = 3840;  // of users; the rest of kStoreWatches: controllers
inline constexpr size_t kListPage = 500;     // of a list without a limit in tools
inline constexpr size_t kWatchUnsentBytes = 8ULL * 1024 * 1024;  // a slower watch is ended
inline constexpr std::chrono::seconds kWatchBookmarkEvery{60};
inline constexpr std::chrono::seconds kWatchLongest{3600};     // then the server ends it
inline constexpr size_t kLogReplyBytes = 16ULL * 1024 * 1024;  // of one log request, without follow
inline constexpr std::chrono::seconds kEventTimeToLive{3600};
inline constexpr size_t kEvents = 10000;  // stored; the oldest go first

// --- Those who watch the API ---------------------------------------------------------------
inline constexpr std::chrono::seconds kWatchListTime{30};       // for a list
inline constexpr std::chrono::seconds kWatchSilence{150};       // two bookmarks and a half
inline constexpr std::chrono::milliseconds kWatchBackOff{100};  // doubled, with jitter
inline constexpr std::chrono::milliseconds kWatchBackOffMost{5000};

// --- Agents --------------------------------------------------------------------------------
inline constexpr size_t kAgentFetches = 4;  // of models, beside each other
inline constexpr size_t kAgentLoads = 16;   // sent to the server and not answered
inline constexpr std::chrono::milliseconds kAgentBackOff{500};  // doubled per failure in a row
inline constexpr std::chrono::seconds kAgentBackOffMost{300};
inline constexpr std::chrono::milliseconds kAgentReportEvery{1000};
inline constexpr size_t kAgentReportModels = 2000;                  // of one report
inline constexpr size_t kModelsFileBytes = 8ULL * 1024 * 1024;      // models.json
inline constexpr size_t kAgentReplyBytes = 256ULL * 1024 * 1024;    // a list of the API; an index
inline constexpr size_t kAgentJournalBytes = 256ULL * 1024 * 1024;  // the last known assignments
inline constexpr size_t kAgentRecordBytes = 32ULL * 1024 * 1024;    // of one model
inline constexpr size_t kAgentMessageBytes = 1000;                  // of a failure that is reported
inline constexpr std::chrono::milliseconds kAgentJournalDelay{100};  // written together
inline constexpr std::chrono::milliseconds kAgentServerPoll{100};    // for a server that is away
inline constexpr std::chrono::milliseconds kAgentServerWatch{500};   // of one that is there
inline constexpr std::chrono::seconds kAgentServerTime{10};          // for an index or an unload
inline constexpr std::chrono::seconds kAgentIndexEvery{10};  // of a server that tells no start
inline constexpr std::chrono::seconds kAgentReportTime{10};

// --- Replicas ------------------------------------------------------------------------------
inline constexpr size_t kLogFileBytes =
    16ULL * 1024 * 1024;                  // of a process; then one older is kept
inline constexpr size_t kReplicas = 256;  // of one machine
inline constexpr size_t kModelsPerReplica = 200000;
inline constexpr std::chrono::seconds kReportGrace{30};  // after a start, for agents to report
inline constexpr size_t kAccountSecrets = 32;  // read of one ServiceAccount; the rest is not

// --- Gateway -------------------------------------------------------------------------------
inline constexpr size_t kGatewayRoutes = 100000;
inline constexpr size_t kGatewayHosts = 64;       // of one route
inline constexpr size_t kGatewayReplicas = 1024;  // of one route
inline constexpr size_t kGatewayWaiting = 4096;   // requests held for a replica; more: 503
inline constexpr size_t kGatewayWaitingBytes = 256ULL * 1024 * 1024;  // of their bodies
inline constexpr std::chrono::seconds kGatewayWait{30};               // then 503
inline constexpr std::chrono::seconds kGatewayUpstreamTime{180};      // of a replica: then 504
inline constexpr size_t kGatewayUnsentBytes = 256ULL * 1024;  // more: the replica is not read
inline constexpr size_t kGatewayDroppedBytes = 64ULL * 1024;  // of a 404 when others are asked
inline constexpr std::chrono::seconds kGatewayDrain{30};
inline constexpr std::chrono::seconds kGatewaySlow{1};             // the log says why
inline constexpr size_t kGatewayAccessBytes = 4ULL * 1024 * 1024;  // lines not written; more: lost
inline constexpr std::chrono::milliseconds kGatewayAccessDelay{250};  // lines written together
inline constexpr size_t kGatewayLoggedBytes = 512;  // of a text that a client chose; then cut
inline constexpr std::chrono::seconds kReplicaSuspect{1};  // not reached: others are asked first
inline constexpr std::chrono::milliseconds kReplicaRetry{50};  // doubled
inline constexpr std::chrono::milliseconds kReplicaRetryMost{1000};
inline constexpr size_t kRouteListBytes = 64ULL * 1024 * 1024;    // of a list, of routes.json
inline constexpr std::chrono::milliseconds kRouteFileDelay{100};  // changes are written together

// --- Storage -------------------------------------------------------------------------------
inline constexpr size_t kStorageUriBytes = 2048;
inline constexpr size_t kStoragePathBytes = 1024;                 // of a file below its model
inline constexpr size_t kStorageNameBytes = 255;                  // of one segment of it
inline constexpr size_t kStorageListings = 64;                    // pages of one listing
inline constexpr size_t kStorageReplyBytes = 8ULL * 1024 * 1024;  // a page; a token
inline constexpr size_t kStorageHeaderBytes = 64ULL * 1024;       // of a reply
inline constexpr int kStorageRedirects = 10;
inline constexpr int kStorageParallelReads = 4;                     // of one fetch
inline constexpr uint64_t kStoragePartBytes = 32ULL * 1024 * 1024;  // a larger object: in ranges
inline constexpr int kStorageAttempts = 6;  // of a read in a row without a byte of it
inline constexpr int kStorageRetries = 64;  // of one fetch, all reads together
inline constexpr int kStorageRereads = 3;   // of an object that came wrong or changed
inline constexpr std::chrono::milliseconds kStorageBackOff{200};  // doubled, with jitter
inline constexpr std::chrono::seconds kStorageBackOffMost{10};    // also of Retry-After
inline constexpr std::chrono::seconds kStorageConnectTimeout{10};
inline constexpr std::chrono::seconds kStorageLowSpeedTime{20};
inline constexpr long kStorageLowSpeedBytes = 1024;  // a second; slower for that long: again

// --- Jobs (`throng attack`) -----------------------------------------------------------------
inline constexpr std::chrono::seconds kAttackLongest{3600};  // also of a timeout and a rate's unit
inline constexpr uint64_t kAttackRate = 10000;               // requests a second
inline constexpr size_t kAttackInFlight = 4096;              // further ones fail at once
inline constexpr size_t kAttackTargets = 10000;
inline constexpr size_t kAttackHeaders = 100;                     // of one target
inline constexpr size_t kAttackLineBytes = 64ULL * 1024;          // of a file of targets
inline constexpr size_t kAttackCommandBytes = 16ULL * 1024;       // all words of a command
inline constexpr size_t kAttackFilesBytes = 16ULL * 1024 * 1024;  // targets and bodies of one
inline constexpr size_t kAttackErrors = 100;                      // different ones in a report
inline constexpr size_t kJobRuns = 64;                            // that run at once
inline constexpr std::chrono::seconds kJobBackOff{10};            // doubled per failed pod
inline constexpr std::chrono::seconds kJobBackOffMost{360};

// --- Command line against an API ------------------------------------------------------------
inline constexpr size_t kClientReplyBytes = 256ULL * 1024 * 1024;  // of one call
inline constexpr size_t kClientEventBytes = 8ULL * 1024 * 1024;    // of one event of a watch
inline constexpr std::chrono::seconds kClientConnectTimeout{30};
inline constexpr std::chrono::seconds kClientRequestTimeout{120};
inline constexpr size_t kKubeconfigBytes = 4ULL * 1024 * 1024;  // of one, and of a file it names
inline constexpr size_t kManifestBytes = 64ULL * 1024 * 1024;   // of one file
inline constexpr size_t kManifestFiles = 10000;                 // of one folder
inline constexpr size_t kLogFollowers = 5;                      // pods followed at once
inline constexpr size_t kTemplateBytes = 64ULL * 1024;          // of a JSONPath template
inline constexpr size_t kTemplateDepth = 16;                    // ranges and filters in each other
inline constexpr size_t kTemplateValues = 1000000;              // of one expression
inline constexpr size_t kDiffCells = 4000000;                   // lines by lines that are compared

}  // namespace throng::limits
