// Kubeconfig files, as kubectl reads them: which server, as whom, in which namespace.
//
//   THRONG_ASSIGN_OR_RETURN(ClusterAccess access, LoadAccess(files, options));
//
// Several files (KUBECONFIG) are merged: of an entry with the same name, and of current-context,
// the first file's counts. Paths in a file are relative to it. Pure but for the reading of files.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "os/file.h"

namespace throng::client {

struct ClusterAccess {
  std::string server;           // "https://127.0.0.1:6443", maybe with a path; no slash at the end
  std::string name_space;       // of the context; "default" when it has none
  std::string authority_pem;    // empty: those that the system trusts
  std::string tls_server_name;  // empty: the server's host
  bool skip_tls_verify = false;
  std::string proxy_url;
  std::string certificate_pem;
  std::string private_key_pem;
  std::string token;
  std::string user;  // basic authentication
  std::string password;
  std::string impersonated_user;
  std::vector<std::string> impersonated_groups;
};

struct KubeconfigOptions {
  std::string file;                    // --kubeconfig: this one alone; it must exist
  std::string list;                    // KUBECONFIG: "a:b", what does not exist is left out
  std::vector<std::string> fallbacks;  // without both: the first that exists
  std::string context;                 // --context; empty: the current one
};

// ERRORS: kNotFound — no file, no such context, cluster or user; kInvalidArgument — a file that is
// no kubeconfig, or a field that cannot be used; kUnimplemented — a credential from a command or an
// identity provider.
Result<ClusterAccess> LoadAccess(const os::FileSystem& files, const KubeconfigOptions& options);

// ERRORS: kInvalidArgument — no base64 (RFC 4648, with padding; line breaks are left out).
Result<std::string> DecodeBase64(std::string_view text);

}  // namespace throng::client
