// What the operators share: reading tensors, memory that stays, and the description that ONNX Runtime asks for.
#pragma once

#include <stdlib.h>

#include "ort_abi.h"

#define RETURN_IF_FAILED(call)                                   \
  do {                                                           \
    if (ort::Status* failed_status = (call)) return failed_status; \
  } while (false)

namespace kernel {

using ort::Api;
using ort::KernelContext;
using ort::Status;

struct Tensor {
  void* data = nullptr;
  int64_t dims[8] = {};
  size_t rank = 0;

  int64_t elements() const {
    int64_t count = 1;
    for (size_t i = 0; i < rank; ++i) count *= dims[i];
    return count;
  }
  int64_t last() const { return rank == 0 ? 0 : dims[rank - 1]; }
  template <typename Element>
  Element* as() const { return static_cast<Element*>(data); }
};

Status* read(const Api* api, const ort::Value* value, Tensor* out);
Status* read_input(const Api* api, const KernelContext* context, size_t index, Tensor* out);
Status* make_output(const Api* api, KernelContext* context, size_t index, const int64_t* dims, size_t rank, Tensor* out);

// Memory that stays between calls, because fresh pages cost more than the work they are for. A second call at the same
// time gets memory of its own.
class Scratch {
 public:
  Scratch() = default;
  ~Scratch() { free(kept_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

 private:
  friend class Lease;
  void* kept_ = nullptr;
  size_t kept_bytes_ = 0;
  bool taken_ = false;
};

class Lease {
 public:
  Lease(Scratch& scratch, size_t bytes);
  ~Lease();
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  char* memory() const { return memory_; }  // aligned to 64; null when there is none

 private:
  Scratch& scratch_;
  bool shared_;
  char* memory_;
};

constexpr size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

template <typename Kernel>
const ort::CustomOp* describe() {
  static ort::CustomOp op{};
  op.version = ort::kApiVersion;
  op.name = [](const ort::CustomOp*) { return Kernel::kName; };
  op.provider = [](const ort::CustomOp*) -> const char* { return nullptr; };
  op.input_type = [](const ort::CustomOp*, size_t index) { return Kernel::input_type(index); };
  op.input_count = [](const ort::CustomOp*) { return Kernel::kInputs; };
  op.output_type = [](const ort::CustomOp*, size_t) { return ort::kFloat; };
  op.output_count = [](const ort::CustomOp*) { return Kernel::kOutputs; };
  op.destroy = [](void* kernel) { delete static_cast<Kernel*>(kernel); };
  op.input_characteristic = [](const ort::CustomOp*, size_t index) {
    return index < Kernel::kRequired ? ort::kRequired : ort::kOptional;
  };
  op.output_characteristic = [](const ort::CustomOp*, size_t) { return ort::kRequired; };
  op.input_memory = [](const ort::CustomOp*, size_t) { return 0; };
  op.variadic_input_minimum = [](const ort::CustomOp*) { return 1; };
  op.variadic_input_homogeneous = [](const ort::CustomOp*) { return 1; };
  op.variadic_output_minimum = [](const ort::CustomOp*) { return 1; };
  op.variadic_output_homogeneous = [](const ort::CustomOp*) { return 1; };
  op.create_kernel_checked = [](const ort::CustomOp*, const Api* api, const ort::KernelInfo* info, void** out) {
    Kernel* made = new Kernel();
    Status* status = made->prepare(api, info);
    if (status == nullptr) {
      *out = made;
    } else {
      delete made;
    }
    return status;
  };
  op.compute_checked = [](void* kernel, KernelContext* context) { return static_cast<Kernel*>(kernel)->compute(context); };
  op.start_version = [](const ort::CustomOp*) { return 1; };
  op.end_version = [](const ort::CustomOp*) { return 0x7fffffff; };
  return &op;
}

}  // namespace kernel
