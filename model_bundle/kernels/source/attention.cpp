#include "attention.h"

#include <math.h>
#include <string.h>

#include "lanes.h"

namespace attention {
namespace {

constexpr int kTile = 32;  // tokens whose values stay in the first-level cache while all heads use them

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

// What one query head of one token needs.
struct Head {
  const float* query;
  float* scores;  // [room]
  float* output;  // [width]
  int seen;       // tokens that it attends to
  float total;    // of its weights
};

// Sixteen keys by one query.
inline void score_tile(const Head& head, const float* keys, int first, int width, float scale) {
  Lanes sums[kLanes] = {};
  const float* key = keys + static_cast<size_t>(first) * width;
  for (int n = 0; n < width; n += kLanes) {
    const Lanes query = load(head.query + n);
    for (int k = 0; k < kLanes; ++k) sums[k] += load(key + static_cast<size_t>(k) * width + n) * query;
  }
  save(head.scores + first, sums_of(sums) * scale);
}

// Keys are read once for all heads of all tokens: sixteen of them stay in the first-level cache meanwhile.
void score(const Head* heads, int count, const float* keys, int width, float scale) {
  const int most = heads[count - 1].seen;
  for (int t = 0; t + kLanes <= most; t += kLanes) {
    for (int h = 0; h < count; ++h) {
      if (t + kLanes <= heads[h].seen) score_tile(heads[h], keys, t, width, scale);
    }
  }
  for (int h = 0; h < count; ++h) {
    for (int t = heads[h].seen / kLanes * kLanes; t < heads[h].seen; ++t) {
      Lanes sum = {};
      for (int n = 0; n < width; n += kLanes) sum += load(keys + static_cast<size_t>(t) * width + n) * load(heads[h].query + n);
      heads[h].scores[t] = sum_of(sum) * scale;
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

// Adds the values of the tokens from `first` to before `last` to `vectors` times sixteen places of the outputs.
template <int heads, int vectors>
inline void blend(const Head* of, const float* values, int first, int last, int width, int place) {
  Lanes sums[heads][vectors];
  for (int h = 0; h < heads; ++h) {
    for (int v = 0; v < vectors; ++v) sums[h][v] = load(of[h].output + place + v * kLanes);
  }
  for (int t = first; t < last; ++t) {
    for (int v = 0; v < vectors; ++v) {
      const Lanes lanes = load(values + static_cast<size_t>(t) * width + place + v * kLanes);
      for (int h = 0; h < heads; ++h) sums[h][v] += lanes * of[h].scores[t];
    }
  }
  for (int h = 0; h < heads; ++h) {
    for (int v = 0; v < vectors; ++v) save(of[h].output + place + v * kLanes, sums[h][v]);
  }
}

template <int heads>
void blend_tile(const Head* of, const float* values, int first, int last, int width) {
  int place = 0;
  for (; place + 4 * kLanes <= width; place += 4 * kLanes) blend<heads, 4>(of, values, first, last, width, place);
  if (place < width) blend<heads, 2>(of, values, first, last, width, place);
}

// Heads of one token, which attend to the same tokens.
void blend_token(const Head* of, int heads, const float* values, int first, int width) {
  const int end = first + kTile, last = end < of->seen ? end : of->seen;
  if (first >= last) return;
  if (heads == 1) blend_tile<1>(of, values, first, last, width);
  if (heads == 2) blend_tile<2>(of, values, first, last, width);
  if (heads == 3) blend_tile<3>(of, values, first, last, width);
  if (heads == 4) blend_tile<4>(of, values, first, last, width);
  if (heads == 5) blend_tile<5>(of, values, first, last, width);
  if (heads == 6) blend_tile<6>(of, values, first, last, width);
}

int splits_of(const Shape& shape) { return (shape.heads / shape.kv_heads + kHeads - 1) / kHeads; }

}  // namespace

int tasks_of(const Shape& shape) { return shape.rows * shape.kv_heads * splits_of(shape); }

size_t scores_of(const Shape& shape) {
  const int tokens = shape.tokens < kTokens ? shape.tokens : kTokens;
  return static_cast<size_t>(tokens) * kHeads * shape.room;
}

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
  float* scores = job.scores + static_cast<size_t>(task) * scores_of(shape);
  const float *keys = job.keys + cache, *values = job.values + cache;
  for (int start = 0; start < shape.tokens; start += kTokens) {
    const int tokens = shape.tokens - start < kTokens ? shape.tokens - start : kTokens, all = tokens * count;
    Head heads[kTokens * kHeads];
    for (int n = 0; n < all; ++n) {
      const int token = start + n / count;
      const size_t place =
          ((static_cast<size_t>(row) * shape.tokens + token) * shape.heads + kv * shared + first + n % count) * shape.width;
      heads[n] = {job.queries + place, scores + static_cast<size_t>(n) * shape.room, job.output + place,
                  job.last[row] - shape.tokens + 2 + token, 0};
      memset(heads[n].output, 0, sizeof(float) * static_cast<size_t>(shape.width));
    }
    score(heads, all, keys, shape.width, 1 / sqrtf(static_cast<float>(shape.width)));
    for (int n = 0; n < all; ++n) heads[n].total = soften(heads[n].scores, heads[n].seen);
    for (int t = 0; t < heads[all - 1].seen; t += kTile) {
      for (int n = 0; n < all; n += count) blend_token(heads + n, count, values, t, shape.width);
    }
    for (int n = 0; n < all; ++n) {
      for (int at = 0; at < shape.width; ++at) heads[n].output[at] /= heads[n].total;
    }
  }
}

}  // namespace attention
