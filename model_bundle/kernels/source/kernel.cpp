#include "kernel.h"

namespace kernel {

Status* read(const Api* api, const ort::Value* value, Tensor* out) {
  if (value == nullptr) return nullptr;
  ort::TensorInfo* info = nullptr;
  RETURN_IF_FAILED(api->tensor_info(value, &info));
  Status* status = api->rank(info, &out->rank);
  if (status == nullptr && out->rank > 8) status = api->error(ort::kInvalidArgument, "too many dimensions");
  if (status == nullptr) status = api->dimensions(info, out->dims, out->rank);
  api->release(info);
  RETURN_IF_FAILED(status);
  return api->data(value, &out->data);
}

Status* read_input(const Api* api, const KernelContext* context, size_t index, Tensor* out) {
  const ort::Value* value = nullptr;
  RETURN_IF_FAILED(api->input(context, index, &value));
  return read(api, value, out);
}

Status* make_output(const Api* api, KernelContext* context, size_t index, const int64_t* dims, size_t rank, Tensor* out) {
  ort::Value* value = nullptr;
  RETURN_IF_FAILED(api->output(context, index, dims, rank, &value));
  return read(api, value, out);
}

Lease::Lease(Scratch& scratch, size_t bytes) : scratch_(scratch) {
  shared_ = !__atomic_exchange_n(&scratch.taken_, true, __ATOMIC_ACQUIRE);
  if (!shared_) {
    memory_ = static_cast<char*>(aligned_alloc(64, aligned(bytes)));
    return;
  }
  if (scratch.kept_bytes_ < bytes) {
    free(scratch.kept_);
    scratch.kept_ = aligned_alloc(64, aligned(bytes));
    scratch.kept_bytes_ = scratch.kept_ == nullptr ? 0 : bytes;
  }
  memory_ = static_cast<char*>(scratch.kept_);
}

Lease::~Lease() {
  if (shared_) {
    __atomic_store_n(&scratch_.taken_, false, __ATOMIC_RELEASE);
  } else {
    free(memory_);
  }
}

}  // namespace kernel

// The C++ runtime is not linked: these are all of it that is used.
void* operator new(size_t bytes) {
  void* memory = malloc(bytes);
  if (memory == nullptr) abort();
  return memory;
}
void operator delete(void* memory) noexcept { free(memory); }
void operator delete(void* memory, size_t) noexcept { free(memory); }
