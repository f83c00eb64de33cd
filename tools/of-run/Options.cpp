#include "tools/of-run/Options.h"

#include <CLI/CLI.hpp>

namespace of::run {

namespace {

/// [NAME=][@]FILE, any number of times.
void addFiles(CLI::App &app, const char *flag, rt::NamedFiles &files, const char *help) {
  app.add_option_function<std::vector<std::string>>(
         flag,
         [flag, &files](const std::vector<std::string> &values) {
           for (const std::string &value : values) {
             const size_t equals = value.find('=');
             const bool named = equals != std::string::npos && value[0] != '@';
             std::string file = named ? value.substr(equals + 1) : value;
             if (!file.empty() && file[0] == '@')
               file.erase(0, 1);
             if (file.empty())
               throw CLI::ValidationError(flag, value + " names no file");
             if (!files.emplace(named ? value.substr(0, equals) : "", file).second)
               throw CLI::ValidationError(flag, value + " comes second for its name");
           }
         },
         help)
      ->take_all();
}

void addRunOptions(CLI::App &app, Options &o) {
  app.add_option("plan", o.plan, "Plan that of-compile wrote");
  CLI::Option *local =
      app.add_flag("--local", o.local, "Start all nodes of the plan on this machine");
  app.add_option("--node", o.node, "Run this node of the plan (default: the launcher's rank)");
  CLI::Option *peers =
      app.add_option("--peers", o.peers, "host:port of every node, comma-separated, in order")
          ->delimiter(',');
  app.add_option("--hostfile", o.hostFile,
                 "File with a host, or host:port, of every node in a line; # begins a comment")
      ->excludes(peers)
      ->excludes(local);
  app.add_option(
         "--port", o.port,
         "Port of node 0; node i of the same launcher listens on the i-th after it (default: "
         "the launcher's, else 29400)")
      ->check(CLI::Range(1, 65535));
  app.add_option("--interface", o.interface,
                 "Name or address of the network interface to use, any for all (default: loopback "
                 "if node 0 is on it, else the one that leads to the others)");
  app.add_option("--token-file", o.tokenFile,
                 "File with the secret that joining this job needs (default: the variable "
                 "OF_JOB_TOKEN; --local makes one)");
  app.add_option(
         "--transport", o.transport,
         "auto: mapped memory within a host; between hosts TCP, or UCX where all nodes have RDMA "
         "cards. tcp, ucx: that for all")
      ->capture_default_str();
  app.add_option("--data", o.dataDir, "Folder of the data sets' files");
  app.add_option("--out", o.outDir, "Folder for checkpoints, metrics.jsonl and trace.json");
  app.add_option("--resume", o.resume,
                 "Go on from a checkpoint, or from the newest one in a folder")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app.add_option("--weights", o.weights,
                 "Checkpoint or .safetensors file that initial values are loaded from");
  addFiles(app, "--input", o.inputs,
           "[NAME=]@FILE.npy: rows for an input of a plan that runs a model forward");
  addFiles(app, "--output", o.outputs, "[NAME=]FILE.npy: where a result of such a plan goes");
  app.add_option("--steps", o.steps, "Stop after this many training steps in total");
  app.add_option("--keep", o.keep, "Newest checkpoints to keep, 0 for all (default: the job's)");
  app.add_option(
         "--max-restarts", o.maxRestarts,
         "With --local: after the loss of a node start all again, at most so often, from the "
         "newest checkpoint")
      ->capture_default_str()
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app.add_option(
         "--elastic", o.elastic,
         "Plans of the same job for fewer nodes, comma-separated: after the loss of nodes go "
         "on with the one for those that are left, from the newest checkpoint")
      ->delimiter(',');
  app.add_option("--join-timeout", o.joinSeconds, "Seconds to wait for the other nodes")
      ->capture_default_str();
  app.add_option("--silence", o.silenceSeconds,
                 "Seconds without a sign of life after which a node counts as lost")
      ->capture_default_str()
      ->check(CLI::Range(0.3, 3600.0));
  app.add_option("--throttle-read", o.readRowsPerSecond,
                 "Let each device read at most this many rows a second, as from a slower disk")
      ->check(CLI::PositiveNumber);
  app.add_option("--throttle-link", o.linkBytesPerSecond,
                 "Let each node push at most this many bytes a second to other hosts, as over a "
                 "slower network")
      ->check(CLI::PositiveNumber);
  app.add_option(
         "--timed-compute", o.timedCompute,
         "Compute nothing: segments last so many times what the plan predicts. Shows on few "
         "cores what many devices would wait for")
      ->check(CLI::PositiveNumber);
  app.add_option("--profile", o.profile,
                 "Write how long tasks, exchanges and links took, for of-compile --profile");
  app.add_flag("--check", o.check,
               "Start nothing: say everything that would keep any node from running the plan");
  app.add_flag("--trace", o.trace, "Write a trace for ui.perfetto.dev into --out");
  app.add_flag("--tensorboard", o.tensorBoard, "Metrics into --out as TensorBoard reads them, too");
  app.add_flag("--json", o.json, "Metrics as JSON lines on stdout");
  app.add_flag("--progress-line", o.progressLine, "")
      ->group(""); // from --local to its children: stderr ends in a terminal
}

void addProbeOptions(CLI::App &probe, Options &o, bool &scratch) {
  probe.add_option("--out", o.probe.out, "File to write, - for stdout")->capture_default_str();
  probe.add_option("--nodes", o.probe.nodes, "Processes on this host")
      ->capture_default_str()
      ->check(CLI::Range(1, 4096));
  probe.add_option("--devices", o.probe.devices, "CPU devices of each")
      ->capture_default_str()
      ->check(CLI::Range(1, 4096));
  probe.add_option("--threads", o.probe.threads, "Threads of each device, 0 to deal out the cores")
      ->capture_default_str();
  probe.add_flag(
      "--scratch", scratch,
      "JSON list of library calls on stdin, scratch bytes and library versions on stdout");
}

void addExportOptions(CLI::App &app, ExportOptions &o) {
  app.add_option("checkpoint", o.checkpoint, "Checkpoint, or a folder whose newest one is meant")
      ->required();
  app.add_option("--out", o.out, "File to write")->capture_default_str();
  app.add_option("--plan", o.plan,
                 "Plan that wrote it: only parameters and buffers, no state of the optimizer");
  app.add_option("--onnx", o.onnx,
                 "ONNX model that was trained: write it again, with the checkpoint's values");
}

} // namespace

Parsed parseArguments(int argc, char **argv) {
  Parsed parsed;
  Options &o = parsed.options;
  CLI::App app("Runs a plan: one process per node.", "of-run");
  app.set_version_flag("--version", "of-run " OF_VERSION);
  app.footer("Exit codes: 0 done, 2 wrong flag or input, 3 corrupt file, 4 refused plan, 5 lost "
             "peer, 6 NaN or "
             "infinity,\n7 disk or memory, 70 defect of of-run, 75 ended early by SIGTERM or "
             "SIGUSR1, after "
             "a checkpoint if\nthe job takes any; start again with --resume.");
  addRunOptions(app, o);
  bool scratch = false;
  CLI::App *probe = app.add_subcommand("probe", "Measure this machine and write cluster.yaml");
  addProbeOptions(*probe, o, scratch);
  CLI::App *exported = app.add_subcommand(
      "export", "Write a checkpoint as one safetensors file, or back into its ONNX model");
  addExportOptions(*exported, o.exported);
  app.require_subcommand(0, 1);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    const int code = app.exit(error);
    parsed.exitCode = code == 0 ? 0 : exitCode(Code::InvalidArgument);
    return parsed;
  }
  if (probe->parsed()) {
    o.command = scratch ? Options::Command::ProbeScratch : Options::Command::Probe;
  } else if (exported->parsed()) {
    o.command = Options::Command::Export;
  } else if (o.plan.empty()) {
    std::fputs("of-run: name a plan; --help shows how\n", stderr);
    parsed.exitCode = exitCode(Code::InvalidArgument);
  }
  return parsed;
}

} // namespace of::run
