// The keys of cluster.yaml: the source of its check, its defaults, its JSON schema and its
// reference page.
#include "lib/Cost/Cluster.h"

namespace of {
using namespace config;

static Key sourceKey() {
  return table("source",
               "Where the numbers come from, by key: measured and how, a data sheet, or fitted.",
               text("", "Where the number comes from."));
}

static Key sizesKey(const char *name, const char *doc, const char *bytesDoc, const char *rateDoc) {
  return list(name, doc,
              object("size", "A rate; between two sizes it is interpolated.",
                     {bytes("bytes", bytesDoc).atLeast(1).required(),
                      number("gb_per_s", rateDoc).above(0).required()}))
      .otherwise("[]");
}

static std::vector<Key> rateKeys(bool ofDevice) {
  auto rate = [&](const char *name, const char *doc, const char *fallback) {
    Key key = number(name, doc).above(0);
    return ofDevice && fallback ? key.otherwise(fallback) : key;
  };
  auto shape = [&](Key key, const char *fallback) {
    return ofDevice ? key.otherwise(fallback) : key;
  };
  return {rate("gflops_f32", "GFLOP/s of a large fp32 matrix product.", "50"),
          rate("gflops_f64", "GFLOP/s of a large fp64 matrix product.", "25"),
          rate("gflops_f16", "The same in fp16; by default as fp32.", nullptr),
          rate("gflops_bf16", "The same in bf16; by default as fp32.", nullptr),
          shape(number("half_outputs", "A library routine with so many results reaches half of "
                                       "the rate.")
                    .atLeast(0),
                "0"),
          shape(number("half_depth", "A library routine with inner sums so long reaches half of "
                                     "the rate.")
                    .atLeast(0),
                "0"),
          shape(number("unaligned", "Part of the rate of 16-bit kernels that is left when a row of "
                                    "an operand or result is no multiple of 16 bytes.")
                    .above(0)
                    .atMost(1),
                "1"),
          shape(number("start_us", "cpu: microseconds of each product of a batch, or in a "
                                   "generated kernel of each fold of a row, beside its operations.")
                    .atLeast(0),
                "0")};
}

static std::vector<Key> routineKeys() {
  std::vector<Key> keys = rateKeys(false);
  keys.push_back(sourceKey());
  return keys;
}

static Key deviceKeys() {
  std::vector<Key> keys = {
      text("kind", "cpu or cuda.").oneOf({"cpu", "cuda"}).required(),
      integer("count", "So many alike.").atLeast(1).otherwise("1"),
      integer("threads", "cpu: worker threads it owns.").atLeast(1).otherwise("1"),
      text("isa", "cpu: instruction set that code is generated for.")
          .oneOf({"x86-64-v2", "x86-64-v3", "x86-64-v4"})
          .otherwise("x86-64-v3"),
      bytes("memory", "Memory a job may use on it; 0 for no limit.").otherwise("0")};
  for (const Key &key : rateKeys(true))
    keys.push_back(key);
  for (const Key &key : std::vector<Key>{
           table("routines",
                 "Rates that differ from the device's, by routine of runtime/kernel (matmul, "
                 "conv2d_forward, ...) or `generated` for kernels that the compiler makes; what is "
                 "left out is the device's. `function`: values of exp, for a billion a second, "
                 "of which a division counts as half and erf as two and a half; left out, exp "
                 "counts as "
                 "twelve operations.",
                 object("", "Rates of a routine.", routineKeys())),
           number("memory_gb_per_s", "GB/s of its memory.").above(0).otherwise("10"),
           sizesKey("memory_sizes",
                    "Rates of kernels that work on few bytes, ascending: caches hold them. What "
                    "works on more than the last moves at memory_gb_per_s.",
                    "What a kernel works on.", "GB/s read and written."),
           number("launch_us", "Microseconds of an empty kernel.").atLeast(0).otherwise("1"),
           number("dispatch_us", "Microseconds of its host to issue a kernel. Kernels queue: of "
                                 "issuing and computing the longer counts.")
               .atLeast(0)
               .otherwise("0"),
           number("crowding", "Kernels take so many times longer while all devices of the host "
                              "work.")
               .atLeast(1)
               .otherwise("1"),
           number("overlap_slowdown", "Kernels take so many times longer while an exchange of the "
                                      "device is under way.")
               .atLeast(1)
               .otherwise("1"),
           sourceKey()})
    keys.push_back(key);
  return object("device", "Something that computes.", keys);
}

static Key nodeKeys() {
  return object(
      "node", "A process of the job.",
      {text("name", "Name, as in messages and traces.").required(),
       integer("count", "So many alike; a number from 0 is added to the name.").atLeast(1),
       text("host", "Machine it runs on; nodes of one host share memory. By default a "
                    "machine of its own, named as the node."),
       text("address", "host:port of its control socket, unless given at start."),
       bytes("memory", "Host memory the node may use; 0 for no limit.").otherwise("0"),
       list("devices", "Its devices.", deviceKeys()).required(), sourceKey()});
}

static Key resourceKeys() {
  return object(
      "resource", "Something that data passes: a NIC, a switch, a bus.",
      {text("name", "Name.").required(),
       text("per", "Who has one: all together, each host, each node or each device.")
           .oneOf({"cluster", "host", "node", "device"})
           .otherwise("cluster"),
       integer("shared_by", "per device: so many devices of a node in a row have one together.")
           .atLeast(1)
           .otherwise("1"),
       text("duplex", "full: it carries its rate in each direction at once; half: in total.")
           .oneOf({"half", "full"})
           .otherwise("half"),
       number("gb_per_s", "GB/s it carries.").above(0).required(),
       number("latency_us", "Microseconds a message takes through it.").atLeast(0).otherwise("0"),
       number("message_us", "Microseconds it is busy with each message apart from its bytes: many "
                            "small messages wait for one another.")
           .atLeast(0)
           .otherwise("0"),
       sizesKey("sizes",
                "Rates by the size of a transfer, ascending; without, all pass at gb_per_s.",
                "Size of one transfer.", "GB/s at it, latency apart."),
       sourceKey()});
}

static Key pathKeys() {
  const std::string end = "A node, which stands for its devices, a device (n0.cuda3), or the "
                          "memory or disk of a node (n0.host, n0.disk); * stands for any text, "
                          "[0-3] for a number.";
  return object("path", "What lies between two ends, in both directions.",
                {text("from", end).required(), text("to", end).required(),
                 text("within", "Holds only between devices of one node, between nodes of one "
                                "host, or between hosts (cluster). By default for all.")
                     .oneOf({"node", "host", "cluster"}),
                 list("over", "Resources that are passed.", text("", "A resource.")).required()});
}

Key clusterKeys() {
  return object(
      "", "The machines a job runs on. `of-run probe` measures and writes it.",
      {list("nodes", "Nodes in order; devices are numbered through all of them.", nodeKeys())
           .required(),
       list("resources", "What data passes between devices.", resourceKeys()).otherwise("[]"),
       list(
           "paths",
           "Which resources lie between which nodes or devices; the first that fits holds. "
           "Without one, devices of a node share its memory, nodes of a host are joined by its "
           "memory (8 GB/s, 1 us, 0.2 us a message) and others by a network (1 GB/s, 50 us, 1 us).",
           pathKeys())
           .otherwise("[]")});
}

} // namespace of
