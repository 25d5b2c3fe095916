#include "refine.h"

#include "lanes.h"

namespace refine {

namespace {

using lanes::kLanes;
using lanes::Lanes;
using lanes::load;

float largest_of(const float* values, int count) {
  // Logits that are no numbers are passed over: whoever samples refuses them.
  Lanes most = Lanes{} - 3.0e38f;
  int n = 0;
  for (; n + kLanes <= count; n += kLanes) {
    const Lanes lanes = load(values + n);
    most = lanes > most ? lanes : most;
  }
  float largest = most[0];
  for (int lane = 1; lane < kLanes; ++lane) largest = most[lane] > largest ? most[lane] : largest;
  for (; n < count; ++n) largest = values[n] > largest ? values[n] : largest;
  return largest;
}

}  // namespace

int candidates(const float* coarse, int vocabulary, float margin, int* out) {
  const float largest = largest_of(coarse, vocabulary);
  for (int attempt = 0; attempt < 8; ++attempt, margin /= 2) {
    const float bound = largest - margin;
    int count = 0;
    for (int start = 0; start < vocabulary && count <= kMostCandidates; start += 64) {
      const int end = start + 64 < vocabulary ? start + 64 : vocabulary;
      if (largest_of(coarse + start, end - start) < bound) continue;
      for (int n = start; n < end; ++n) {
        if (coarse[n] < bound) continue;
        if (count < kMostCandidates) out[count] = n;
        ++count;
      }
    }
    if (count <= kMostCandidates) return count;
  }
  return kMostCandidates;
}

float exact(const Head& head, const float* hidden, int token) {
  const int blocks = head.inputs / head.block;
  const uint8_t* codes = head.codes + static_cast<size_t>(token) * head.inputs;
  float total = 0;
  for (int b = 0; b < blocks; ++b) {
    // Sixteen sums side by side, which compilers turn into vectors.
    float products[16] = {}, inputs[16] = {};
    for (int k = 0; k < head.block; k += 16) {
      for (int lane = 0; lane < 16; ++lane) {
        const float x = hidden[b * head.block + k + lane];
        products[lane] += x * static_cast<float>(codes[b * head.block + k + lane]);
        inputs[lane] += x;
      }
    }
    float product = 0, input = 0;
    for (int lane = 0; lane < 16; ++lane) {
      product += products[lane];
      input += inputs[lane];
    }
    const size_t place = static_cast<size_t>(token) * blocks + b;
    total += head.scales[place] * (product - static_cast<float>(head.zeros[place]) * input);
  }
  return total;
}

}  // namespace refine
