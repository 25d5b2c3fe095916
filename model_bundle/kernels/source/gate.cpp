#include "gate.h"

#include <math.h>

#include "lanes.h"

namespace gate {

void apply(const float* gate, const float* up, int count, float* output) {
  using namespace lanes;
  int n = 0;
  for (; n + kLanes <= count; n += kLanes) {
    // exp(-|x|) cannot overflow: sigmoid(x) is 1 / (1 + e), or e / (1 + e) for what is negative.
    const Lanes x = load(gate + n), size = x < 0.0f ? x : -x, e = exponential(size);
    const Lanes numerator = x < 0.0f ? e : Lanes{} + 1.0f;
    save(output + n, x * numerator / (e + 1.0f) * load(up + n));
  }
  for (; n < count; ++n) output[n] = gate[n] / (1 + expf(-gate[n])) * up[n];
}

}  // namespace gate
