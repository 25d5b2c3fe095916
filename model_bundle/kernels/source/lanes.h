// Sixteen floats at a time, in whatever vectors the processor has.
#pragma once

#include <stdint.h>
#include <string.h>

namespace lanes {

typedef float Lanes __attribute__((vector_size(64), aligned(4)));
typedef int32_t Whole __attribute__((vector_size(64), aligned(4)));
constexpr int kLanes = 16;

inline Lanes load(const float* from) {
  Lanes lanes;
  memcpy(&lanes, from, sizeof lanes);
  return lanes;
}

inline void save(float* to, Lanes lanes) { memcpy(to, &lanes, sizeof lanes); }

inline float sum_of(Lanes lanes) {
  float total = 0;
  for (int n = 0; n < 8; ++n) lanes[n] += lanes[n + 8];
  for (int n = 0; n < 4; ++n) lanes[n] += lanes[n + 4];
  for (int n = 0; n < 4; ++n) total += lanes[n];
  return total;
}

// exp for x <= 0: 2 ** whole times a polynomial of degree six for the rest (relative error below 1e-6).
inline Lanes exponential(Lanes x) {
  x = x < -87.0f ? Lanes{} - 87.0f : x;
  const Lanes scaled = x * 1.44269504f - 0.5f;
  const Whole whole = __builtin_convertvector(scaled, Whole);  // towards zero, which is up
  const Lanes rest = x - __builtin_convertvector(whole, Lanes) * 0.693147181f;
  Lanes power = rest * (1.0f / 720) + 1.0f / 120;
  power = power * rest + 1.0f / 24;
  power = power * rest + 1.0f / 6;
  power = power * rest + 0.5f;
  power = power * rest + 1.0f;
  power = power * rest + 1.0f;
  const Whole bits = (whole + 127) << 23;
  Lanes scale;
  memcpy(&scale, &bits, sizeof scale);
  return power * scale;
}

}  // namespace lanes
