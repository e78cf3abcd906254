#include "control/access_files.h"

#include <sstream>

#include "base/base64.h"
#include "os/disk/owned_files.h"
#include "os/file.h"

namespace throng::control {
namespace {

constexpr std::chrono::hours kAuthorityLife{10 * 365 * 24};
constexpr std::chrono::hours kCertificateLife{365 * 24};
constexpr std::chrono::hours kRenewBefore{30 * 24};
constexpr uint64_t kPemBytes = 64 * 1024;
constexpr std::string_view kAdministrator = "throng-admin";
constexpr std::string_view kAdministrators = "system:masters";

std::string ReadOrEmpty(const std::string& path) {
  const auto text = os::RealFileSystem().Read(path, kPemBytes);
  return text.ok() ? *text : "";
}

Status Save(const std::string& directory, const std::string& name, const tls::KeyPair& pair) {
  THRONG_RETURN_IF_ERROR(
      os::WritePrivateFile(os::JoinPath(directory, name + ".key"), pair.private_key_pem));
  return os::WritePrivateFile(os::JoinPath(directory, name + ".crt"), pair.certificate_pem);
}

tls::KeyPair Load(const std::string& directory, const std::string& name) {
  return {.certificate_pem = ReadOrEmpty(os::JoinPath(directory, name + ".crt")),
          .private_key_pem = ReadOrEmpty(os::JoinPath(directory, name + ".key"))};
}

// Key and certificate are two files, and the authority two more: they may be of different times,
// when it ended or the disk was full between two of them.
bool IsUsable(const tls::KeyPair& pair, const std::string& authority_pem, WallTime now) {
  if (!tls::IsSignedPair(pair, authority_pem)) return false;
  const auto end = tls::CertificateEnd(pair.certificate_pem);
  return end.ok() && *end > now + kRenewBefore;
}

Result<tls::KeyPair> EnsureAuthority(const std::string& directory, WallTime now) {
  tls::KeyPair authority = Load(directory, "ca");
  if (IsUsable(authority, authority.certificate_pem, now)) return authority;
  THRONG_ASSIGN_OR_RETURN(authority, tls::MakeAuthority("throng", now, kAuthorityLife));
  THRONG_RETURN_IF_ERROR(Save(directory, "ca", authority));
  return authority;
}

}  // namespace

Result<Access> EnsureAccess(const std::string& directory, const std::vector<std::string>& names,
                            WallTime now) {
  THRONG_RETURN_IF_ERROR(os::EnsurePrivateDirectory(directory));
  THRONG_ASSIGN_OR_RETURN(const tls::KeyPair authority, EnsureAuthority(directory, now));
  Access access{.authority_pem = authority.certificate_pem,
                .server = Load(directory, "server"),
                .administrator = Load(directory, "admin"),
                .token = ReadOrEmpty(os::JoinPath(directory, "token"))};
  std::string name_list;
  for (const std::string& name : names) name_list += name + "\n";
  const std::string names_file = os::JoinPath(directory, "server.names");
  if (!IsUsable(access.server, authority.certificate_pem, now) ||
      ReadOrEmpty(names_file) != name_list) {
    THRONG_ASSIGN_OR_RETURN(access.server,
                            tls::MakeServerCertificate(authority, names, now, kCertificateLife));
    THRONG_RETURN_IF_ERROR(Save(directory, "server", access.server));
    THRONG_RETURN_IF_ERROR(os::WritePrivateFile(names_file, name_list));
  }
  if (!IsUsable(access.administrator, authority.certificate_pem, now)) {
    THRONG_ASSIGN_OR_RETURN(
        access.administrator,
        tls::MakeClientCertificate(authority, std::string(kAdministrator),
                                   {std::string(kAdministrators)}, now, kCertificateLife));
    THRONG_RETURN_IF_ERROR(Save(directory, "admin", access.administrator));
  }
  if (access.token.empty()) {
    THRONG_ASSIGN_OR_RETURN(access.token, tls::MakeToken());
    THRONG_RETURN_IF_ERROR(os::WritePrivateFile(os::JoinPath(directory, "token"), access.token));
  }
  return access;
}

std::string KubeconfigText(const Access& access, const std::string& server_url) {
  std::ostringstream text;
  text << "apiVersion: v1\n"
          "kind: Config\n"
          "clusters:\n"
          "- name: throng\n"
          "  cluster:\n"
          "    server: "
       << server_url
       << "\n"
          "    certificate-authority-data: "
       << EncodeBase64(access.authority_pem)
       << "\n"
          "users:\n"
          "- name: throng-admin\n"
          "  user:\n"
          "    client-certificate-data: "
       << EncodeBase64(access.administrator.certificate_pem)
       << "\n"
          "    client-key-data: "
       << EncodeBase64(access.administrator.private_key_pem)
       << "\n"
          "contexts:\n"
          "- name: throng\n"
          "  context:\n"
          "    cluster: throng\n"
          "    user: throng-admin\n"
          "    namespace: default\n"
          "current-context: throng\n";
  return text.str();
}

}  // namespace throng::control
