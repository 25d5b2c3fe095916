// Attention of a few new tokens over a cache of keys and values, with rotary embedding in its half-split form
// (arXiv:2104.09864) and groups of query heads that share keys and values (arXiv:2305.13245).
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace attention {

struct Shape {
  int rows, tokens;            // conversations, new tokens of each
  int heads, kv_heads, width;  // width: of a head, a multiple of 32
  int room;                    // tokens that the cache has place for
};

struct Job {
  Shape shape;
  const float* packed;    // [rows, tokens, heads + 2 kv_heads, width]: queries, keys, values
  const int32_t* last;    // [rows]: index of the last of the new tokens
  const float* cosines;   // [positions, width / 2]
  const float* sines;
  float* keys;            // [rows, kv_heads, room, width]
  float* values;
  float* queries;         // [rows, tokens, heads, width], for the turned ones
  float* scores;          // [tasks, scores_of()]
  float* output;          // [rows, tokens, heads, width]
};

constexpr int kHeads = 6;  // query heads that a task computes together, at most

constexpr int kTokens = 16;  // new tokens that it computes together, at most

int tasks_of(const Shape& shape);
// How many scores a task has place for.
size_t scores_of(const Shape& shape);
// Turns queries and keys, and appends keys and values to the cache.
void append(const Job& job, int row);
void attend(const Job& job, int task);

}  // namespace attention
