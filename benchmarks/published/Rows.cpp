#include "benchmarks/published/Rows.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace of::published {

namespace {

struct Column {
  const char *name;
  double Row::*value;
  double unit;
};

const Column columns[] = {{"# GPUs", &Row::gpus, 1},
                          {"global batch", &Row::globalBatch, 1},
                          {"micro batch", &Row::microBatch, 1},
                          {"hidden size", &Row::hidden, 1},
                          {"attention heads", &Row::heads, 1},
                          {"# layers", &Row::layers, 1},
                          {"sequence length", &Row::sequence, 1},
                          {"tensor parallelism", &Row::tensor, 1},
                          {"data parallelism", &Row::data, 1},
                          {"pipeline parallelism", &Row::pipeline, 1},
                          {"iteration time (ms)", &Row::seconds, 1e-3}};

std::vector<std::string> cellsOf(std::string line) {
  if (!line.empty() && line.back() == '\r')
    line.pop_back();
  std::vector<std::string> out;
  std::stringstream in(line);
  for (std::string cell; std::getline(in, cell, ',');)
    out.push_back(cell);
  return out;
}

/// Which cell of a line holds each column; empty after an error.
std::vector<size_t> placesOf(std::string header, const std::string &file, std::string &error) {
  if (header.rfind("\xef\xbb\xbf", 0) == 0) // the mark that spreadsheets put before UTF-8
    header.erase(0, 3);
  const std::vector<std::string> names = cellsOf(header);
  std::vector<size_t> out;
  for (const Column &column : columns) {
    size_t place = 0;
    while (place < names.size() && names[place] != column.name)
      ++place;
    if (place == names.size()) {
      error = file + ":1: there is no column '" + column.name + "'";
      return {};
    }
    out.push_back(place);
  }
  return out;
}

} // namespace

std::vector<Row> readRows(const std::string &file, std::string &error) {
  std::ifstream in(file);
  std::string line;
  if (!std::getline(in, line)) {
    error = file + ": cannot be read, or is empty";
    return {};
  }
  const std::vector<size_t> places = placesOf(line, file, error);
  std::vector<Row> out;
  for (int number = 2; error.empty() && std::getline(in, line); ++number) {
    const std::vector<std::string> cells = cellsOf(line);
    if (cells.empty())
      continue;
    Row row;
    for (size_t c = 0; c < places.size(); ++c) {
      const std::string cell = places[c] < cells.size() ? cells[places[c]] : "";
      char *end = nullptr;
      const double value = std::strtod(cell.c_str(), &end);
      if (cell.empty() || *end || value <= 0) {
        error = file + ":" + std::to_string(number) + ": '" + columns[c].name + "' is '" + cell +
                "'; it must be a number above 0";
        return {};
      }
      row.*columns[c].value = value * columns[c].unit;
    }
    out.push_back(row);
  }
  return error.empty() ? out : std::vector<Row>();
}

} // namespace of::published
