// The gate of a SwiGLU layer (arXiv:2002.05202): gate * sigmoid(gate) * up.
#pragma once

namespace gate {

void apply(const float* gate, const float* up, int count, float* output);

}  // namespace gate
