// The part of ONNX Runtime's C ABI that custom operators need.
//
// ONNX Runtime promises that its function table only grows and that a caller states the version it was written for
// (onnxruntime_c_api.h, "OrtApi"). So functions are named here by their place in the table of version 17, and everything
// else is opaque. The wheels of ONNX Runtime carry no headers.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace ort {

constexpr uint32_t kApiVersion = 17;

struct Status;
struct Value;
struct SessionOptions;
struct CustomOpDomain;
struct KernelInfo;
struct KernelContext;
struct TensorInfo;
struct ShapeInferContext;

enum ElementType : int { kFloat = 1, kUint8 = 2, kInt32 = 6 };
enum Characteristic : int { kRequired = 0, kOptional = 1 };
enum ErrorCode : int { kFail = 1, kInvalidArgument = 2 };

struct Api {
  void* functions[275];

  template <typename Function>
  Function at(int place) const { return reinterpret_cast<Function>(functions[place]); }

  Status* error(ErrorCode code, const char* message) const {
    return at<Status* (*)(ErrorCode, const char*)>(0)(code, message);
  }
  Status* create_domain(const char* name, CustomOpDomain** out) const {
    return at<Status* (*)(const char*, CustomOpDomain**)>(26)(name, out);
  }
  Status* add_operator(CustomOpDomain* domain, const void* op) const {
    return at<Status* (*)(CustomOpDomain*, const void*)>(27)(domain, op);
  }
  Status* add_domain(SessionOptions* options, CustomOpDomain* domain) const {
    return at<Status* (*)(SessionOptions*, CustomOpDomain*)>(28)(options, domain);
  }
  Status* data(const Value* value, void** out) const {
    return at<Status* (*)(Value*, void**)>(51)(const_cast<Value*>(value), out);
  }
  Status* rank(const TensorInfo* info, size_t* out) const {
    return at<Status* (*)(const TensorInfo*, size_t*)>(61)(info, out);
  }
  Status* dimensions(const TensorInfo* info, int64_t* out, size_t count) const {
    return at<Status* (*)(const TensorInfo*, int64_t*, size_t)>(62)(info, out, count);
  }
  Status* tensor_info(const Value* value, TensorInfo** out) const {
    return at<Status* (*)(const Value*, TensorInfo**)>(65)(value, out);
  }
  Status* float_attribute(const KernelInfo* info, const char* name, float* out) const {
    return at<Status* (*)(const KernelInfo*, const char*, float*)>(85)(info, name, out);
  }
  Status* int_attribute(const KernelInfo* info, const char* name, int64_t* out) const {
    return at<Status* (*)(const KernelInfo*, const char*, int64_t*)>(86)(info, name, out);
  }
  Status* input(const KernelContext* context, size_t index, const Value** out) const {
    return at<Status* (*)(const KernelContext*, size_t, const Value**)>(90)(context, index, out);
  }
  Status* output(KernelContext* context, size_t index, const int64_t* dims, size_t count,
                 Value** out) const {
    return at<Status* (*)(KernelContext*, size_t, const int64_t*, size_t, Value**)>(91)(
        context, index, dims, count, out);
  }
  void release(TensorInfo* info) const { at<void (*)(TensorInfo*)>(99)(info); }
  Status* constant_input(const KernelInfo* info, size_t index, int* is_constant, const Value** out) const {
    return at<Status* (*)(const KernelInfo*, size_t, int*, const Value**)>(249)(info, index, is_constant, out);
  }
  Status* parallel_for(const KernelContext* context, void (*task)(void*, size_t), size_t total,
                       void* data) const {
    return at<Status* (*)(const KernelContext*, void (*)(void*, size_t), size_t, size_t, void*)>(274)(
        context, task, total, 0, data);
  }
};

struct ApiBase {
  const Api* (*get_api)(uint32_t version);
  const char* (*version)();
};

// OrtCustomOp: the first member is the version; every function gets the structure itself first.
struct CustomOp {
  uint32_t version;
  void* (*create_kernel)(const CustomOp*, const Api*, const KernelInfo*);
  const char* (*name)(const CustomOp*);
  const char* (*provider)(const CustomOp*);
  ElementType (*input_type)(const CustomOp*, size_t);
  size_t (*input_count)(const CustomOp*);
  ElementType (*output_type)(const CustomOp*, size_t);
  size_t (*output_count)(const CustomOp*);
  void (*compute)(void*, KernelContext*);
  void (*destroy)(void*);
  Characteristic (*input_characteristic)(const CustomOp*, size_t);
  Characteristic (*output_characteristic)(const CustomOp*, size_t);
  int (*input_memory)(const CustomOp*, size_t);
  int (*variadic_input_minimum)(const CustomOp*);
  int (*variadic_input_homogeneous)(const CustomOp*);
  int (*variadic_output_minimum)(const CustomOp*);
  int (*variadic_output_homogeneous)(const CustomOp*);
  Status* (*create_kernel_checked)(const CustomOp*, const Api*, const KernelInfo*, void**);
  Status* (*compute_checked)(void*, KernelContext*);
  Status* (*infer_shape)(const CustomOp*, ShapeInferContext*);
  int (*start_version)(const CustomOp*);
  int (*end_version)(const CustomOp*);
  size_t (*may_inplace)(int**, int**);
  void (*release_may_inplace)(int*, int*);
  size_t (*alias_map)(int**, int**);
  void (*release_alias_map)(int*, int*);
};

}  // namespace ort
