// Exact logits for the tokens that matter, out of coarse ones for all of them.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace refine {

// A head of eight bits in the layout of MatMulNBits: value = (code - zero) * scale, one pair for every block of inputs.
struct Head {
  const uint8_t* codes;
  const float* scales;
  const uint8_t* zeros;
  int vocabulary, inputs, block;
};

constexpr int kMostCandidates = 1024;

// The tokens whose coarse logit is at most `margin` below the largest, fewer where these are more than kMostCandidates.
int candidates(const float* coarse, int vocabulary, float margin, int* out);
float exact(const Head& head, const float* hidden, int token);

}  // namespace refine
