// Losses of a job: the keys of each and what they mean to later rungs, side by side.
#include "lib/Config/Job.h"

namespace of {
using namespace config;

static Key result(const char *name, const char *doc) {
  return integer(name, std::string("Which result of the model is ") + doc)
      .atLeast(0)
      .otherwise("0");
}

static Key smoothingKey() {
  return number("label_smoothing", "Share of each label that is spread evenly over all classes.")
      .atLeast(0)
      .atMost(1)
      .otherwise("0");
}

namespace {
/// A loss: its keys, and how they go into the struct beside `output` and `target`.
struct LossForm {
  Key keys;
  JobLoss::Kind kind;
  const char *output, *target; ///< keys of the model's result and of the dataset's field
  void (*read)(const Node &node, JobLoss &loss);
};
} // namespace

static void readLabels(const Node &node, JobLoss &loss) {
  loss.smoothing = numberOf(get(node, "label_smoothing"));
  if (const Node *ignore = node.find("ignore_index"))
    loss.ignore = integerOf(*ignore);
}

static void readNextToken(const Node &node, JobLoss &loss) {
  readLabels(node, loss);
  loss.nextToken = true;
}

static void readMargins(const Node &node, JobLoss &loss) {
  loss.scale = numberOf(get(node, "scale"));
  loss.angularMargin = numberOf(get(node, "angular_margin"));
  loss.cosineMargin = numberOf(get(node, "cosine_margin"));
}

static void readNothing(const Node &, JobLoss &) {}

static std::vector<LossForm> labelForms() {
  using Kind = JobLoss::Kind;
  Key ignored = integer("ignore_index", "Labels of this value do not count: the mean is over the "
                                        "others, 0 if there are none.");
  Key ignoredTokens = ignored, masked = ignored;
  masked.otherwise("-100");
  return {
      {object("cross_entropy", "-log softmax(logits)[label], over the labels that count.",
              {result("logits", "the logits."),
               text("labels", "Dataset field with the class indices.").required(), smoothingKey(),
               ignored}),
       Kind::CrossEntropy, "logits", "labels", readLabels},
      {object("next_token",
              "Cross-entropy of logits [batch, positions, classes] at a position with the token "
              "of the next one; the last position has none.",
              {result("logits", "the logits."),
               text("tokens", "Dataset field with the tokens themselves.").required(),
               smoothingKey(), ignoredTokens}),
       Kind::CrossEntropy, "logits", "tokens", readNextToken},
      {object("masked_lm",
              "Cross-entropy over the positions whose token was masked in the model's input.",
              {result("logits", "the logits."),
               text("labels", "Dataset field with the tokens at masked positions and "
                              "`ignore_index` elsewhere.")
                   .required(),
               smoothingKey(), masked}),
       Kind::CrossEntropy, "logits", "labels", readLabels},
      {object(
           "margin_softmax",
           "Cross-entropy of scale * cosine, where the label's angle is widened by margins "
           "(ArcFace, Deng et al. 2019; CosFace, Wang et al. 2018): cos(angle + angular_margin) "
           "- cosine_margin. Classes may be split: pin the weights to S(0).",
           {result("cosines", "the cosines [batch, classes] of embedding and class weights, both "
                              "of length 1."),
            text("labels", "Dataset field with the class indices.").required(),
            number("scale", "Of all cosines.").above(0).otherwise("64"),
            number("angular_margin", "ArcFace: radians; 0.5 is usual.")
                .atLeast(0)
                .atMost(1.5)
                .otherwise("0"),
            number("cosine_margin", "CosFace; 0.35 is usual.").atLeast(0).otherwise("0")}),
       Kind::MarginSoftmax, "cosines", "labels", readMargins}};
}

static std::vector<LossForm> lossForms() {
  using Kind = JobLoss::Kind;
  std::vector<LossForm> forms = labelForms();
  forms.push_back({object("mse", "Square of prediction - target, averaged over all elements.",
                          {result("prediction", "the prediction."),
                           text("target", "Dataset field with the targets.").required()}),
                   Kind::Mse, "prediction", "target", readNothing});
  forms.push_back(
      {object(
           "binary_cross_entropy",
           "-target log sigmoid(logit) - (1 - target) log(1 - sigmoid(logit)), averaged over "
           "all elements. The model ends before its sigmoid.",
           {result("logits", "the logits."),
            text("target", "Dataset field with the targets, from 0 to 1, shaped like the logits.")
                .required()}),
       Kind::BinaryCrossEntropy, "logits", "target", readNothing});
  return forms;
}

static Key outputKey() {
  return integer("output",
                 "Which result of the model is the loss itself, per sample or as a scalar mean.")
      .atLeast(0);
}

Key lossKeys() {
  std::vector<Key> keys;
  for (LossForm &form : lossForms())
    keys.push_back(std::move(form.keys));
  keys.push_back(outputKey());
  return oneOfKeys(
      "loss", "What is minimised: the mean over the batch. Left out, the model runs forward only.",
      std::move(keys));
}

JobLoss readLoss(const Node &node) {
  const Node &chosen = node.items[0];
  JobLoss loss;
  loss.at = chosen.keyAt;
  loss.word = chosen.key;
  for (const LossForm &form : lossForms()) {
    if (form.keys.name != chosen.key)
      continue;
    loss.kind = form.kind;
    loss.output = integerOf(get(chosen, form.output));
    loss.target = get(chosen, form.target).text;
    form.read(chosen, loss);
    return loss;
  }
  loss.output = integerOf(chosen);
  return loss;
}

} // namespace of
