// The program: its subcommands, in the order of its help.
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/kube/verbs.h"
#include "cli/plane/plane_commands.h"

namespace throng::cli {
namespace {

constexpr Command kCommands[] = {
    {"serve", "serve every model in a folder", ServeCommand},
    {"infer", "send one inference to a running server and show the reply", InferCommand},
    {"inspect", "tell what a model file or folder is, without serving it", InspectCommand},
    {"up", "start a Kubernetes-shaped API, an ingress and model replicas here", UpCommand},
    {"env", "print KUBECONFIG, INGRESS_HOST and INGRESS_PORT for a shell", EnvCommand},
    {"status", "tell whether `throng up` runs, and where", StatusCommand},
    {"down", "drain and end what `throng up` started", DownCommand},
    {"backup", "copy what was applied to a file, while throng up runs or not", BackupCommand},
    {"restore", "put such a file back", RestoreCommand},
    {"apply", "make objects be as files say", kube::Command<kube::Apply>},
    {"diff", "tell what apply would change", kube::Command<kube::Diff>},
    {"create", "create the objects of files", kube::Command<kube::Create>},
    {"get", "show objects", kube::Command<kube::Get>},
    {"describe", "show all of an object, and its events", kube::Command<kube::Describe>},
    {"delete", "delete objects", kube::Command<kube::Delete>},
    {"logs", "show what containers print", kube::Command<kube::Logs>},
    {"wait", "wait until objects have a condition", kube::Command<kube::Wait>},
    {"patch", "change fields of an object", kube::Command<kube::Patch>},
    {"label", "set and remove labels", kube::Command<kube::LabelVerb>},
    {"annotate", "set and remove annotations", kube::Command<kube::Annotate>},
    {"edit", "change an object in an editor", kube::Command<kube::Edit>},
    {"events", "show what happened", kube::Command<kube::Events>},
    {"explain", "tell what the fields of a kind are", kube::Command<kube::Explain>},
    {"attack", "send requests on a fixed plan and report how they were answered", AttackCommand},
    {"gateway", "the ingress alone (`throng up` starts it)", GatewayCommand},
    {"agent", "the holder of a replica's models alone (`throng up` starts it)", AgentCommand},
};

}  // namespace
}  // namespace throng::cli

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  return throng::cli::RunCommand(throng::cli::kCommands, arguments);
}
