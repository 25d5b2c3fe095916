// One row and several add the same numbers in the same order: what a row gives does not depend on its company.

#include "product.h"

#include <immintrin.h>
#include <math.h>
#include <string.h>

namespace product {
namespace {

constexpr int kVectors = kOutputs / 16;

inline __m512 bytes_as_floats(const uint8_t* from) {
  return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))));
}

inline __m512 halves_as_floats(const uint8_t* from) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}

inline __m512i quad_of(const Inputs& inputs, int index) {
  int32_t four;
  memcpy(&four, inputs.value + kQuad * index, sizeof four);
  return _mm512_set1_epi32(four);
}

inline __m512i four_of(const int8_t* sums) {
  int32_t four;
  memcpy(&four, sums, sizeof four);
  return _mm512_set1_epi32(four);
}

// Of the lines `first` to `first + lines` of a block: the sums of both halves of every line. The high half comes out as a
// difference, sixteen times too large, which saves the shifts.
template <int lines>
inline void add_block(const uint8_t* from_block, int first, const Inputs& inputs, int block, __m512* totals) {
  const uint8_t *scale = from_block + kScale, *codes = from_block + kCodes;
  const __m512i mask = _mm512_set1_epi8(15);
  __m512i low[lines], both[lines];
  for (int l = 0; l < lines; ++l) low[l] = both[l] = _mm512_setzero_si512();
  for (int q = 0; q < kQuads; ++q) {
    const __m512i value = quad_of(inputs, block * kQuads + q);
    for (int l = 0; l < lines; ++l) {
      const uint8_t* from = codes + (q * kLines + first + l) * 64;
      const __m512i line = _mm512_loadu_si512(from);
      low[l] = _mm512_dpbusd_epi32(low[l], _mm512_and_si512(line, mask), value);
      both[l] = _mm512_dpbusd_epi32(both[l], line, value);
    }
  }
  const __m512 unit = _mm512_set1_ps(inputs.scale[block]), high = _mm512_set1_ps(inputs.scale[block] / 16);
  for (int l = 0; l < lines; ++l) {
    const __m512 first_sum = _mm512_mul_ps(_mm512_cvtepi32_ps(low[l]), unit);
    const __m512 second_sum = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(both[l], low[l])), high);
    totals[2 * l] = _mm512_fmadd_ps(first_sum, bytes_as_floats(scale + 32 * (first + l)), totals[2 * l]);
    totals[2 * l + 1] = _mm512_fmadd_ps(second_sum, bytes_as_floats(scale + 32 * (first + l) + 16), totals[2 * l + 1]);
  }
}

inline __m512 add_super(const uint8_t* record, int vector, const Inputs& inputs, __m512 total, __m512 value) {
  const uint8_t* minimum = record + kMinimums + 64 * vector;
  const __m512i first = _mm512_loadu_si512(minimum), second = _mm512_loadu_si512(minimum + 4 * kOutputs);
  const __m512i zero = _mm512_setzero_si512();
  const __m512i upper = _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(zero, first, four_of(inputs.upper)), second, four_of(inputs.upper + 4));
  const __m512i lower = _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(zero, first, four_of(inputs.lower)), second, four_of(inputs.lower + 4));
  const __m512i whole = _mm512_add_epi32(_mm512_slli_epi32(upper, 7), lower);
  const __m512 offset = _mm512_mul_ps(_mm512_cvtepi32_ps(whole), _mm512_set1_ps(inputs.unit));
  const __m512 d = halves_as_floats(record + kHalves + 32 * vector);
  const __m512 dmin = halves_as_floats(record + kHalves + 2 * kOutputs + 32 * vector);
  return _mm512_fnmadd_ps(dmin, offset, _mm512_fmadd_ps(d, total, value));
}

inline void store(const Job& job, int row, int group, int vector, __m512 value) {
  const size_t place = static_cast<size_t>(group) * kOutputs + 16 * vector;
  if (job.bias != nullptr) value = _mm512_add_ps(value, _mm512_loadu_ps(job.bias + place));
  _mm512_storeu_ps(job.output + static_cast<size_t>(row) * job.shape.outputs + place, value);
}

void one_row(const Job& job, int group) {
  const int supers = job.shape.supers();
  __m512 values[kVectors];
  for (auto& value : values) value = _mm512_setzero_ps();
  for (int s = 0; s < supers; ++s) {
    const uint8_t* record = job.weights + (static_cast<size_t>(group) * supers + s) * kRecord;
    const Inputs& inputs = job.inputs[s];
    __m512 totals[kVectors];
    for (auto& total : totals) total = _mm512_setzero_ps();
    for (int b = 0; b < kBlocks; ++b) {
      add_block<kLines>(record + b * kBlockBytes, 0, inputs, b, totals);
    }
    for (int v = 0; v < kVectors; ++v) values[v] = add_super(record, v, inputs, totals[v], values[v]);
  }
  for (int v = 0; v < kVectors; ++v) store(job, 0, group, v, values[v]);
}

// Several rows: two lines of a block by up to four rows at a time, so that sums and weights stay in registers.
template <int rows>
inline void add_block_of_rows(const uint8_t* from_block, int first, const Inputs* const* inputs, int block,
                              float (*totals)[kOutputs]) {
  const uint8_t *scale = from_block + kScale, *codes = from_block + kCodes;
  const __m512i mask = _mm512_set1_epi8(15);
  __m512i low[rows][2], both[rows][2];
  for (int r = 0; r < rows; ++r) {
    for (int l = 0; l < 2; ++l) low[r][l] = both[r][l] = _mm512_setzero_si512();
  }
  for (int q = 0; q < kQuads; ++q) {
    for (int l = 0; l < 2; ++l) {
      const __m512i line = _mm512_loadu_si512(codes + (q * kLines + first + l) * 64);
      const __m512i masked = _mm512_and_si512(line, mask);
      for (int r = 0; r < rows; ++r) {
        const __m512i value = quad_of(*inputs[r], block * kQuads + q);
        low[r][l] = _mm512_dpbusd_epi32(low[r][l], masked, value);
        both[r][l] = _mm512_dpbusd_epi32(both[r][l], line, value);
      }
    }
  }
  for (int l = 0; l < 2; ++l) {
    const int place = 32 * (first + l);
    const __m512 scales[2] = {bytes_as_floats(scale + place), bytes_as_floats(scale + place + 16)};
    for (int r = 0; r < rows; ++r) {
      const __m512 unit = _mm512_set1_ps(inputs[r]->scale[block]), high = _mm512_set1_ps(inputs[r]->scale[block] / 16);
      const __m512 first_sum = _mm512_mul_ps(_mm512_cvtepi32_ps(low[r][l]), unit);
      const __m512 second_sum = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(both[r][l], low[r][l])), high);
      float* to = totals[r] + place;
      _mm512_store_ps(to, _mm512_fmadd_ps(first_sum, scales[0], _mm512_load_ps(to)));
      _mm512_store_ps(to + 16, _mm512_fmadd_ps(second_sum, scales[1], _mm512_load_ps(to + 16)));
    }
  }
}

template <int rows>
inline void add_lines_of_rows(const uint8_t* from_block, const Inputs* const* inputs, int block, float (*totals)[kOutputs]) {
  add_block_of_rows<rows>(from_block, 0, inputs, block, totals);
  add_block_of_rows<rows>(from_block, 2, inputs, block, totals);
}

// Block by block for all rows: while one block is multiplied, the processor has time to fetch the next.
void add_record(const uint8_t* record, int rows, const Inputs* const* inputs, float (*totals)[kOutputs]) {
  for (int b = 0; b < kBlocks; ++b) {
    const uint8_t* block = record + b * kBlockBytes;
    int r = 0;
    for (; r + 4 <= rows; r += 4) add_lines_of_rows<4>(block, inputs + r, b, totals + r);
    if (rows - r == 3) add_lines_of_rows<3>(block, inputs + r, b, totals + r);
    if (rows - r == 2) add_lines_of_rows<2>(block, inputs + r, b, totals + r);
    if (rows - r == 1) add_lines_of_rows<1>(block, inputs + r, b, totals + r);
  }
}

void several_rows(const Job& job, int group) {
  const int supers = job.shape.supers();
  alignas(64) float totals[kMaxRows][kOutputs], values[kMaxRows][kOutputs];
  memset(values, 0, sizeof(float) * kOutputs * static_cast<size_t>(job.rows));
  for (int s = 0; s < supers; ++s) {
    const uint8_t* record = job.weights + (static_cast<size_t>(group) * supers + s) * kRecord;
    const Inputs* inputs[kMaxRows];
    for (int r = 0; r < job.rows; ++r) inputs[r] = job.inputs + static_cast<size_t>(r) * supers + s;
    memset(totals, 0, sizeof(float) * kOutputs * static_cast<size_t>(job.rows));
    add_record(record, job.rows, inputs, totals);
    for (int r = 0; r < job.rows; ++r) {
      for (int v = 0; v < kVectors; ++v) {
        float* value = values[r] + 16 * v;
        _mm512_store_ps(value, add_super(record, v, *inputs[r], _mm512_load_ps(totals[r] + 16 * v), _mm512_load_ps(value)));
      }
    }
  }
  for (int r = 0; r < job.rows; ++r) {
    for (int v = 0; v < kVectors; ++v) store(job, r, group, v, _mm512_load_ps(values[r] + 16 * v));
  }
}

// Fifteen bits for the sums of the blocks, in two halves that fit into int8.
void split_sums(const float* sums, Inputs* out) {
  float largest = 0, check = 0;
  for (int b = 0; b < kBlocks; ++b) {
    check += sums[b] * 0;
    if (fabsf(sums[b]) > largest) largest = fabsf(sums[b]);
  }
  const bool numbers = check == 0;
  const float limit = 127 * 128 + 63;
  out->unit = numbers ? largest / limit : NAN;
  const float inverse = largest > 0 && numbers ? limit / largest : 0;
  for (int b = 0; b < kBlocks; ++b) {
    const int whole = numbers ? static_cast<int>(nearbyintf(sums[b] * inverse)) : 0;
    const int upper = (whole + 64 + 128 * 128) / 128 - 128;  // rounded down: lower is between -64 and 63
    out->upper[b] = static_cast<int8_t>(upper);
    out->lower[b] = static_cast<int8_t>(whole - 128 * upper);
  }
}

}  // namespace

// What is no number makes its whole block none, and so the results: nothing is hidden.
void quantize(const float* row, int inputs, Inputs* out) {
  for (int s = 0; s < inputs / kSuper; ++s, ++out) {
    float sums[kBlocks];
    for (int b = 0; b < kBlocks; ++b) {
      const float* x = row + s * kSuper + b * kBlock;
      const __m512 first = _mm512_loadu_ps(x), second = _mm512_loadu_ps(x + 16), zero = _mm512_setzero_ps();
      const float largest = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(first), _mm512_abs_ps(second)));
      const __m512 checks = _mm512_add_ps(_mm512_mul_ps(first, zero), _mm512_mul_ps(second, zero));
      const bool numbers = _mm512_cmp_ps_mask(checks, checks, _CMP_UNORD_Q) == 0;
      out->scale[b] = numbers ? largest / 127 : __builtin_nanf("");
      const __m512 inverse = _mm512_set1_ps(largest > 0 && numbers ? 127 / largest : 0);
      const __mmask16 kept = numbers ? 0xffff : 0;
      const __m512i low = _mm512_maskz_cvtps_epi32(kept, _mm512_mul_ps(first, inverse));
      const __m512i high = _mm512_maskz_cvtps_epi32(kept, _mm512_mul_ps(second, inverse));
      _mm_store_si128(reinterpret_cast<__m128i*>(out->value + b * kBlock), _mm512_cvtepi32_epi8(low));
      _mm_store_si128(reinterpret_cast<__m128i*>(out->value + b * kBlock + 16), _mm512_cvtepi32_epi8(high));
      sums[b] = out->scale[b] * static_cast<float>(_mm512_reduce_add_epi32(_mm512_add_epi32(low, high)));
    }
    split_sums(sums, out);
  }
}

void multiply(const Job& job, int first_group, int last_group) {
  for (int group = first_group; group < last_group; ++group) {
    if (job.rows == 1) {
      one_row(job, group);
    } else {
      several_rows(job, group);
    }
  }
}

}  // namespace product
