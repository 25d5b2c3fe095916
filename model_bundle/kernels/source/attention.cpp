#include "attention.h"

#include <math.h>
#include <string.h>

#include "lanes.h"

namespace attention {
namespace {

using lanes::exponential;
using lanes::kLanes;
using lanes::Lanes;
using lanes::load;
using lanes::save;
using lanes::sum_of;

void turn(const float* from, const float* cosines, const float* sines, int width, float* to) {
  const int half = width / 2;
  for (int n = 0; n < half; ++n) {
    const float first = from[n], second = from[half + n];
    to[n] = first * cosines[n] - second * sines[n];
    to[half + n] = second * cosines[n] + first * sines[n];
  }
}

// The sums of the lanes of sixteen vectors, as one vector: halves are folded onto halves of others, four times.
inline Lanes sums_of(Lanes* sums) {
#define FOLD(count, ...)                                                                                 \
  for (int n = 0; n < count; ++n) {                                                                      \
    const Lanes first = sums[n], second = sums[n + count];                                               \
    sums[n] = __builtin_shufflevector(first, second, __VA_ARGS__) +                                      \
              __builtin_shufflevector(first, second, FOLD_OTHER);                                        \
  }
#define FOLD_OTHER 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31
  FOLD(8, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)
#undef FOLD_OTHER
#define FOLD_OTHER 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31
  FOLD(4, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27)
#undef FOLD_OTHER
#define FOLD_OTHER 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31
  FOLD(2, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#undef FOLD_OTHER
#define FOLD_OTHER 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31
  FOLD(1, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30)
#undef FOLD_OTHER
#undef FOLD
  return sums[0];
}

template <int heads>
void score(const float* const* queries, const float* keys, int count, int width, float scale, float* const* scores) {
  int t = 0;
  for (; t + kLanes <= count; t += kLanes) {
    const float* key = keys + static_cast<size_t>(t) * width;
    for (int h = 0; h < heads; ++h) {
      Lanes sums[kLanes] = {};
      for (int n = 0; n < width; n += kLanes) {
        const Lanes query = load(queries[h] + n);
        for (int k = 0; k < kLanes; ++k) sums[k] += load(key + static_cast<size_t>(k) * width + n) * query;
      }
      save(scores[h] + t, sums_of(sums) * scale);
    }
  }
  for (; t < count; ++t) {
    const float* key = keys + static_cast<size_t>(t) * width;
    for (int h = 0; h < heads; ++h) {
      Lanes sum = {};
      for (int n = 0; n < width; n += kLanes) sum += load(key + n) * load(queries[h] + n);
      scores[h][t] = sum_of(sum) * scale;
    }
  }
}

// Turns scores into weights that are not divided yet; returns what to divide by.
float soften(float* scores, int count) {
  float largest = scores[0];
  for (int t = 1; t < count; ++t) largest = scores[t] > largest ? scores[t] : largest;
  Lanes totals = {};
  int t = 0;
  for (; t + kLanes <= count; t += kLanes) {
    const Lanes weights = exponential(load(scores + t) - largest);
    save(scores + t, weights);
    totals += weights;
  }
  float total = sum_of(totals);
  for (; t < count; ++t) total += scores[t] = expf(scores[t] - largest);
  return total;
}

// Of `vectors` times sixteen places of the values' width.
template <int heads, int vectors>
inline void blend(const float* const* weights, const float* values, int count, int width, const float* totals,
                  float* const* outputs) {
  Lanes sums[heads][vectors] = {};
  for (int t = 0; t < count; ++t) {
    for (int v = 0; v < vectors; ++v) {
      const Lanes lanes = load(values + static_cast<size_t>(t) * width + v * kLanes);
      for (int h = 0; h < heads; ++h) sums[h][v] += lanes * weights[h][t];
    }
  }
  for (int h = 0; h < heads; ++h) {
    for (int v = 0; v < vectors; ++v) save(outputs[h] + v * kLanes, sums[h][v] / totals[h]);
  }
}

template <int heads>
void blend_all(const float* const* weights, const float* values, int count, int width, const float* totals,
               float* const* outputs) {
  float* to[heads];
  for (int h = 0; h < heads; ++h) to[h] = outputs[h];
  int n = 0;
  for (; n + 4 * kLanes <= width; n += 4 * kLanes) {
    blend<heads, 4>(weights, values + n, count, width, totals, to);
    for (int h = 0; h < heads; ++h) to[h] += 4 * kLanes;
  }
  if (n < width) blend<heads, 2>(weights, values + n, count, width, totals, to);
}

template <int heads>
void attend_to(const float* const* queries, const float* keys, const float* values, int count, int width, float* scores,
               int room, float* const* outputs) {
  float* of_heads[heads];
  float totals[heads];
  for (int h = 0; h < heads; ++h) of_heads[h] = scores + static_cast<size_t>(h) * room;
  score<heads>(queries, keys, count, width, 1 / sqrtf(static_cast<float>(width)), of_heads);
  for (int h = 0; h < heads; ++h) totals[h] = soften(of_heads[h], count);
  blend_all<heads>(of_heads, values, count, width, totals, outputs);
}

int splits_of(const Shape& shape) { return (shape.heads / shape.kv_heads + kHeads - 1) / kHeads; }

}  // namespace

int tasks_of(const Shape& shape) { return shape.rows * shape.kv_heads * splits_of(shape); }

void append(const Job& job, int row) {
  const Shape& shape = job.shape;
  const int all = shape.heads + 2 * shape.kv_heads, half = shape.width / 2;
  for (int token = 0; token < shape.tokens; ++token) {
    const int position = job.last[row] - shape.tokens + 1 + token;
    const float* cosines = job.cosines + static_cast<size_t>(position) * half;
    const float* sines = job.sines + static_cast<size_t>(position) * half;
    const float* from = job.packed + (static_cast<size_t>(row) * shape.tokens + token) * all * shape.width;
    float* query = job.queries + (static_cast<size_t>(row) * shape.tokens + token) * shape.heads * shape.width;
    for (int h = 0; h < shape.heads; ++h) turn(from + h * shape.width, cosines, sines, shape.width, query + h * shape.width);
    for (int h = 0; h < shape.kv_heads; ++h) {
      const size_t place = ((static_cast<size_t>(row) * shape.kv_heads + h) * shape.room + position) * shape.width;
      turn(from + (shape.heads + h) * shape.width, cosines, sines, shape.width, job.keys + place);
      memcpy(job.values + place, from + (shape.heads + shape.kv_heads + h) * shape.width, sizeof(float) * shape.width);
    }
  }
}

void attend(const Job& job, int task) {
  const Shape& shape = job.shape;
  // Tasks that run at the same time read different keys; what one reads again is near by then.
  const int kv = task % shape.kv_heads, split = task / shape.kv_heads % splits_of(shape);
  const int row = task / shape.kv_heads / splits_of(shape), shared = shape.heads / shape.kv_heads;
  const int first = split * kHeads, count = shared - first < kHeads ? shared - first : kHeads;
  const size_t cache = (static_cast<size_t>(row) * shape.kv_heads + kv) * shape.room * shape.width;
  float* scores = job.scores + static_cast<size_t>(task) * kHeads * shape.room;
  for (int token = 0; token < shape.tokens; ++token) {
    const int seen = job.last[row] - shape.tokens + 2 + token;
    const size_t start = ((static_cast<size_t>(row) * shape.tokens + token) * shape.heads + kv * shared + first) * shape.width;
    const float* queries[kHeads];
    float* outputs[kHeads];
    for (int h = 0; h < count; ++h) {
      queries[h] = job.queries + start + static_cast<size_t>(h) * shape.width;
      outputs[h] = job.output + start + static_cast<size_t>(h) * shape.width;
    }
    const float *keys = job.keys + cache, *values = job.values + cache;
    const auto attend_these = count == 1   ? attend_to<1>
                              : count == 2 ? attend_to<2>
                              : count == 3 ? attend_to<3>
                              : count == 4 ? attend_to<4>
                              : count == 5 ? attend_to<5>
                                           : attend_to<6>;
    attend_these(queries, keys, values, seen, shape.width, scores, shape.room, outputs);
  }
}

}  // namespace attention
