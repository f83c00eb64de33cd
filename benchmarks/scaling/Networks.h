// Networks as data parallelism sees them: what each part computes and how many parameters it has.
#pragma once

#include <string>
#include <vector>

namespace of::scaling {

/// Consecutive layers.
struct Part {
  double work = 0;       ///< multiplications of a sample, forward
  double parameters = 0; ///< whose gradient is there once the part's backward is done
};

struct Network {
  std::string name;
  std::vector<Part> parts; ///< from the input on
};

Network resnet50();
Network alexnet();
/// BERT with a tied output embedding; `hidden` per layer, `tokens` of a sequence.
Network bert(const std::string &name, double layers, double hidden, double tokens);

} // namespace of::scaling
