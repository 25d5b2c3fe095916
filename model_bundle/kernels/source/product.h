// Products of float rows with weights of four bits, for processors with byte products (AVX-512 VNNI).
//
// A weight is d * scale * code - dmin * minimum: a code of four bits, one scale and one minimum (bytes) for every block of
// 32 inputs of an output, one d and dmin (float16) for every superblock of 256. GGML's Q4_K has this form, so such weights
// are stored as they are.
//
// The weights of 128 outputs and 256 inputs form a record; records lie in the order of the outputs and then of the
// inputs, so that a thread reads memory from front to back. A record is
//   8 blocks of { scale[128], codes[8][4][64] }, minimum[2][128][4] (blocks 0 to 3, then 4 to 7), d[128], dmin[128]
// in the order of use. Byte 4 j + i of codes[q][l] of block b holds input 32 b + 4 q + i of output 32 l + j in its low and of output 32 l + 16 + j in its
// high four bits: sixteen outputs by four inputs are one byte product.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace product {

constexpr int kBlock = 32;
constexpr int kSuper = 256;
constexpr int kBlocks = kSuper / kBlock;
constexpr int kQuad = 4;                 // inputs that one byte product takes
constexpr int kQuads = kBlock / kQuad;   // of a block
constexpr int kOutputs = 128;            // of a record
constexpr int kLines = kOutputs / 32;    // of 64 bytes, for a quad
constexpr int kScale = 0;                // within a block
constexpr int kCodes = kOutputs;
constexpr int kBlockBytes = kOutputs + kBlock * kOutputs / 2;
constexpr int kMinimums = kBlocks * kBlockBytes;
constexpr int kHalves = kMinimums + kBlocks * kOutputs;
constexpr int kRecord = kHalves + 4 * kOutputs;

// A superblock of inputs as int8, with one scale per block. `upper` and `lower` are the sums of the blocks, which the
// minimums are multiplied with: (128 * upper + lower) * unit.
struct Inputs {
  alignas(64) int8_t value[kSuper];
  float scale[kBlocks];
  int8_t upper[kBlocks], lower[kBlocks];
  float unit;
};

struct Shape {
  int outputs, inputs;  // multiples of 128 and 256

  int supers() const { return inputs / kSuper; }
  int groups() const { return outputs / kOutputs; }
  size_t bytes() const { return static_cast<size_t>(groups()) * supers() * kRecord; }
};

// `inputs`: [rows, supers]; `output`: [rows, outputs].
struct Job {
  Shape shape;
  const uint8_t* weights;
  const float* bias;  // or null
  const Inputs* inputs;
  float* output;
  int rows;
};

constexpr int kMaxRows = 16;

void quantize(const float* row, int inputs, Inputs* out);
void multiply(const Job& job, int first_group, int last_group);

}  // namespace product
