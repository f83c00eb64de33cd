// The keys of job.yaml: the source of its check, its defaults, its JSON schema and its reference
// page.
#include "lib/Config/Job.h"

namespace of {
using namespace config;

static Key datasetKeys(const std::string &name, const std::string &doc, bool shuffle) {
  Key field = object(
      "", "One tensor of a sample.",
      {list("files",
            "Files, read one after the other; relative to --data, else to the job's folder. A .gz "
            "ending is unpacked.",
            text("", "A file name."))
           .required(),
       text("format", "idx (MNIST's format), npy, or tokens (raw bytes, each one token).")
           .oneOf({"idx", "npy", "tokens"})
           .required(),
       text("dtype", "Element type the model sees; by default that of the model argument.")
           .oneOf({"f32", "f64", "i32", "i64", "u8"}),
       list("shape", "Dims of one sample; by default those of the model argument.",
            integer("", "A dim.").atLeast(1)),
       number("scale", "value = stored * scale + shift.").otherwise("1"),
       number("shift", "value = stored * scale + shift.").otherwise("0"),
       integer("sequence", "tokens: tokens of one sample.").atLeast(1),
       integer("offset",
               "tokens: where the window of a sample begins; 1 gives the next token as label.")
           .atLeast(0)
           .otherwise("0")});
  return object(name, doc,
                {integer("samples", "Samples in the dataset.").atLeast(1).required(),
                 boolean("shuffle", "Visit samples in a new random order each epoch.")
                     .otherwise(shuffle ? "true" : "false"),
                 table("fields", "Tensors of a sample by name.", field).required()});
}

static Key optimizerKeys() {
  Key lr = number("lr", "Learning rate before the schedule.").above(0).required();
  Key decay = number("weight_decay", "Added to the gradient as weight_decay * parameter.")
                  .atLeast(0)
                  .otherwise("0");
  Key decoupled =
      number("weight_decay", "Decoupled: each step scales parameters by 1 - lr * weight_decay.")
          .atLeast(0)
          .otherwise("0.01");
  Key beta1 =
      number("beta1", "Decay of the mean of gradients.").atLeast(0).atMost(1).otherwise("0.9");
  Key beta2 = number("beta2", "Decay of the mean of squared gradients.")
                  .atLeast(0)
                  .atMost(1)
                  .otherwise("0.999");
  Key eps = number("eps", "Added to the denominator.").atLeast(0).otherwise("1e-8");
  return oneOfKeys(
      "optimizer", "How parameters follow the gradient; each is PyTorch's optimizer of that name.",
      {object("sgd", "buffer = momentum * buffer + gradient; parameter -= lr * buffer.",
              {lr, number("momentum", "Share of the buffer that stays.").atLeast(0).otherwise("0"),
               boolean("nesterov", "Look ahead: step by gradient + momentum * buffer.")
                   .otherwise("false"),
               decay}),
       object("adam", "Adam, weight decay in the gradient.", {lr, beta1, beta2, eps, decay}),
       object("adamw", "Adam with decoupled weight decay.", {lr, beta1, beta2, eps, decoupled})});
}

static Key scheduleKeys() {
  return oneOfKeys(
      "schedule", "Learning rate of step t = 0, 1, ... as a multiple of the optimizer's.",
      {object("constant", "1 throughout.", {}),
       object("step", "factor ^ floor(t / every).",
              {integer("every_steps", "Steps between drops.").atLeast(1),
               integer("every_epochs", "Epochs between drops.").atLeast(1),
               number("factor", "Multiplied in at each drop.").above(0).otherwise("0.1")}),
       object("cosine",
              "(t + 1) / warmup_steps while t < warmup_steps, then final + (1 - final) * (1 + "
              "cos(pi * x)) / 2 "
              "where x goes from 0 to 1 over the steps that are left.",
              {integer("warmup_steps", "Steps of linear warm-up.").atLeast(0).otherwise("0"),
               number("final", "Multiple that is reached at the end.")
                   .atLeast(0)
                   .atMost(1)
                   .otherwise("0")})});
}

static Key evaluateKeys() {
  return object(
      "evaluate", "Evaluation on data.eval; left out, there is none.",
      {integer("every_epochs", "Epochs between evaluations; the last epoch always ends with one.")
           .atLeast(1)
           .otherwise("1"),
       list("metrics", "What is measured: loss, accuracy.",
            text("metric", "A metric.").oneOf({"loss", "accuracy"}))
           .otherwise("[loss]"),
       object("accuracy", "Where accuracy finds logits and labels; by default where the loss does.",
              {integer("logits", "Which result of the model.").atLeast(0).otherwise("0"),
               text("labels", "Dataset field.").required()})});
}

static Key parallelKeys() {
  Key pin = object(
      "pin", "A value or parameter whose distribution is given.",
      {text("value", "Name of a value in the model, without %."),
       text("parameter", "Name of a parameter."),
       table("sbp", "Mesh axis -> S(dim), B or P.", text("", "S(dim), B or P.")).required()});
  return object(
      "parallel", "How the work is spread over the cluster.",
      {table("mesh",
             "Axes of the device grid and their sizes, slow link first; one size may be -1: all "
             "devices that "
             "the others leave. By default one axis `data` over all devices, or, where `strategy` "
             "is searched and nothing is pinned, what is fastest.",
             integer("", "Devices along the axis, or -1.").atLeast(-1)),
       text("strategy",
            "data splits the batch over the axis `data` and those named `data_...`; none leaves "
            "everything to pins; auto searches for the fastest distribution of every tensor. zero, "
            "tensor "
            "and megatron search too, within a kind: the batch split with the optimizer's state; "
            "all "
            "but the batch split; some axes for the batch and others for tensors.")
           .oneOf({"data", "none", "auto", "zero", "tensor", "megatron"})
           .otherwise("data"),
       list("stages",
            "Pipeline: values whose ops begin the second, third, ... stage. Devices are dealt "
            "evenly to "
            "the stages in order and the mesh is that of one stage. With fewer groups of devices "
            "than stages, stages are dealt to them in turn (interleaved).",
            text("", "Name of a value in the model, without %."))
           .otherwise("[]"),
       text(
           "split_backward",
           "Whether gradients of parameters may wait while other stages need the rest of the "
           "backward pass: where they fill the gaps of a pipeline (zero bubble), always, or never.")
           .oneOf({"auto", "always", "never"})
           .otherwise("auto"),
       list("pins", "Distributions that are given; the rest follows.", pin).otherwise("[]"),
       text("recompute",
            "What is computed again for the backward pass instead of being kept: `full`, all of a "
            "block of the model but the values it begins with and what came from other devices; "
            "`selective`, of that what follows cheaply from products and convolutions, which are "
            "kept; `none`. With `auto` a search decides block by block, where memory is limited, "
            "and other strategies compute nothing again.")
           .oneOf({"auto", "none", "selective", "full"})
           .otherwise("auto"),
       text("offload",
            "What is copied to the memory of the host until the backward pass needs it: "
            "`activations`, what a block of the model leaves for it and other ways would keep on "
            "the device; `none`. Needs a path from the devices to their hosts in the cluster, or "
            "CPUs. Not together with `recompute: selective` or `full`. In steps of several "
            "micro-batches a device has room for what comes and goes of each block at all times, "
            "so that only deep pipelines gain. With `auto` a search decides block by block, where "
            "memory is limited, a path is given, the node has `memory` and a step is one "
            "micro-batch; other strategies keep everything on the device.")
           .oneOf({"auto", "none", "activations"})
           .otherwise("auto")});
}

Key jobKeys() {
  return object(
      "",
      "A training job: what is trained, on which data and how. Without a loss, a job that runs the "
      "model forward. The same file serves every cluster.",
      {text("model", "Model file (.mlir or .onnx), relative to the job file.").required(),
       text("initial",
            "safetensors file with first values of parameters by name, found like data files. By "
            "default they are those of an .onnx model, else drawn."),
       list("freeze", "Parameters that are not trained: names, in which * stands for any text.",
            text("", "A name or pattern.")),
       integer("seed", "Seed of initial values, sample order and dropout.")
           .atLeast(0)
           .otherwise("0"),
       text("precision", "Floating-point type of the whole job: fp32 or fp64.")
           .oneOf({"fp32", "fp64"})
           .otherwise("fp32"),
       object("data", "Datasets.",
              {datasetKeys(
                   "train",
                   "What the model is trained on; the last partial batch of an epoch is dropped.",
                   true)
                   .required(),
               datasetKeys("eval", "What it is evaluated on, every sample exactly once.", false)}),
       table("inputs",
             "Model argument (without %) -> dataset field; by default the field of the same name.",
             text("", "A dataset field."))
           .otherwise("{}"),
       lossKeys(), optimizerKeys(), scheduleKeys().otherwise("{constant: {}}"),
       number("clip_norm", "Gradients are scaled down to this global 2-norm.").above(0),
       integer("batch", "Rows of one optimizer step, over all devices and micro-batches.")
           .atLeast(1)
           .required(),
       integer("accumulate",
               "Micro-batches of a step; divides batch. 0: as many as make a step fastest, where "
               "`strategy` is searched.")
           .atLeast(0)
           .otherwise("1"),
       integer("epochs", "Passes over the training data; this or steps.").atLeast(1),
       integer("steps", "Optimizer steps; this or epochs.").atLeast(1), evaluateKeys(),
       object("checkpoint",
              "When the state is saved; the end of the run always saves. Left out, nothing is.",
              {integer("every_steps", "Steps between checkpoints.").atLeast(1),
               integer("every_epochs", "Epochs between checkpoints.").atLeast(1),
               integer("keep", "Newest checkpoints that are kept; 0 keeps all.")
                   .atLeast(0)
                   .otherwise("2")}),
       parallelKeys().otherwise("{}")});
}

const std::vector<std::string> &trainingKeys() {
  static const std::vector<std::string> keys = {"loss",       "optimizer", "clip_norm", "evaluate",
                                                "checkpoint", "epochs",    "steps"};
  return keys;
}

} // namespace of
