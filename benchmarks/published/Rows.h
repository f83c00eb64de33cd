// Rows of a table of measured training runs, as vTrain publishes them.
#pragma once

#include <string>
#include <vector>

namespace of::published {

/// One run of a GPT: its sizes, how it was parallel, and the time of an iteration.
struct Row {
  double gpus = 0, globalBatch = 0, microBatch = 0, hidden = 0, heads = 0, layers = 0, sequence = 0;
  double tensor = 0, data = 0, pipeline = 0;
  double seconds = 0;

  double microBatches() const { return globalBatch / (microBatch * data); }
};

/// Rows of a CSV file with the columns of vTrain, in any order; others are ignored. On a wrong file
/// `error` says what and where.
std::vector<Row> readRows(const std::string &file, std::string &error);

} // namespace of::published
