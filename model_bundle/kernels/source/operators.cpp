// The operators of the domain "intramural" for ONNX Runtime, and their registration.

#include <string.h>

#include "attention.h"
#include "gate.h"
#include "kernel.h"
#include "pages.h"
#include "product.h"
#include "refine.h"

namespace {

using kernel::Tensor;
using ort::Api;
using ort::KernelContext;
using ort::Status;

// Product4: x [.., K] float, weights uint8 (product.h), bias [N] float or nothing -> [.., N] float.
class Product4 {
 public:
  static constexpr const char* kName = "Product4";
  static constexpr size_t kInputs = 3, kRequired = 2, kOutputs = 1;
  static ort::ElementType input_type(size_t index) { return index == 1 ? ort::kUint8 : ort::kFloat; }

  Status* prepare(const Api* api, const ort::KernelInfo* info) {
    api_ = api;
    int64_t outputs = 0, inputs = 0;
    RETURN_IF_FAILED(api->int_attribute(info, "N", &outputs));
    RETURN_IF_FAILED(api->int_attribute(info, "K", &inputs));
    const int64_t limit = 1 << 20;
    if (outputs < 1 || outputs > limit || outputs % product::kOutputs || inputs < 1 || inputs > limit ||
        inputs % product::kSuper) {
      return api->error(ort::kInvalidArgument, "Product4: sizes out of range");
    }
    shape_ = {static_cast<int>(outputs), static_cast<int>(inputs)};
    int constant = 0;
    const ort::Value* value = nullptr;
    RETURN_IF_FAILED(api->constant_input(info, 1, &constant, &value));
    Tensor weights;
    if (constant) RETURN_IF_FAILED(kernel::read(api, value, &weights));
    if (!constant || static_cast<size_t>(weights.elements()) != shape_.bytes()) {
      return api->error(ort::kInvalidArgument, "Product4: weights are not constant, or not of the size that N and K give");
    }
    weights_ = piece_.copy(weights.data, shape_.bytes());
    if (weights_ == nullptr) return api->error(ort::kFail, "Product4: not enough memory for the weights");
    return nullptr;
  }

  Status* compute(KernelContext* context) {
    Tensor x, bias, output;
    RETURN_IF_FAILED(kernel::read_input(api_, context, 0, &x));
    RETURN_IF_FAILED(kernel::read_input(api_, context, 2, &bias));
    if (x.last() != shape_.inputs || (bias.data != nullptr && bias.elements() != shape_.outputs)) {
      return api_->error(ort::kInvalidArgument, "Product4: shapes do not fit");
    }
    const int64_t rows = x.elements() / shape_.inputs;
    x.dims[x.rank - 1] = shape_.outputs;
    RETURN_IF_FAILED(kernel::make_output(api_, context, 0, x.dims, x.rank, &output));
    for (int64_t first = 0; first < rows; first += product::kMaxRows) {
      const int count = static_cast<int>(rows - first < product::kMaxRows ? rows - first : product::kMaxRows);
      RETURN_IF_FAILED(multiply(context, x.as<float>() + first * shape_.inputs, bias.as<float>(),
                                output.as<float>() + first * shape_.outputs, count));
    }
    return nullptr;
  }

 private:
  // What a thread takes at a time: little enough to share evenly, enough to read on and on.
  static constexpr size_t kTakeBytes = 256 << 10;

  struct Share {
    product::Job job;
    int groups;  // of outputs
  };

  Status* multiply(KernelContext* context, const float* x, const float* bias, float* output, int rows) {
    const size_t supers = static_cast<size_t>(shape_.supers());
    kernel::Lease lease(scratch_, sizeof(product::Inputs) * supers * rows);
    if (lease.memory() == nullptr) return api_->error(ort::kFail, "Product4: not enough memory");
    product::Inputs* inputs = reinterpret_cast<product::Inputs*>(lease.memory());
    for (int row = 0; row < rows; ++row) {
      product::quantize(x + static_cast<size_t>(row) * shape_.inputs, shape_.inputs, inputs + row * supers);
    }
    const int groups = static_cast<int>(kTakeBytes / (supers * product::kRecord));
    Share share{{shape_, weights_, bias, inputs, output, rows}, groups < 1 ? 1 : groups};
    return api_->parallel_for(
        context,
        [](void* data, size_t take) {
          const Share& of = *static_cast<Share*>(data);
          const int begin = static_cast<int>(take) * of.groups, end = begin + of.groups, all = of.job.shape.groups();
          product::multiply(of.job, begin, end < all ? end : all);
        },
        static_cast<size_t>((shape_.groups() + share.groups - 1) / share.groups), &share);
  }

  const Api* api_ = nullptr;
  product::Shape shape_{};
  pages::Piece piece_;
  const uint8_t* weights_ = nullptr;
  kernel::Scratch scratch_;
};

// RefinedLogits: hidden [R, K] float, coarse [R, V] float, codes uint8, scales float, zeros uint8 (refine.h) -> [R, V].
class RefinedLogits {
 public:
  static constexpr const char* kName = "RefinedLogits";
  static constexpr size_t kInputs = 5, kRequired = 5, kOutputs = 1;
  static ort::ElementType input_type(size_t index) { return index == 2 || index == 4 ? ort::kUint8 : ort::kFloat; }

  Status* prepare(const Api* api, const ort::KernelInfo* info) {
    api_ = api;
    RETURN_IF_FAILED(api->float_attribute(info, "margin", &margin_));
    return api->int_attribute(info, "block_size", &block_);
  }

  Status* compute(KernelContext* context) {
    Tensor hidden, coarse, codes, scales, zeros, output;
    RETURN_IF_FAILED(kernel::read_input(api_, context, 0, &hidden));
    RETURN_IF_FAILED(kernel::read_input(api_, context, 1, &coarse));
    RETURN_IF_FAILED(kernel::read_input(api_, context, 2, &codes));
    RETURN_IF_FAILED(kernel::read_input(api_, context, 3, &scales));
    RETURN_IF_FAILED(kernel::read_input(api_, context, 4, &zeros));
    const int64_t inputs = hidden.last(), vocabulary = coarse.last();
    if (inputs < 1 || vocabulary < 1 || block_ < 16 || block_ % 16 || inputs % block_ ||
        codes.elements() != vocabulary * inputs || scales.elements() != vocabulary * (inputs / block_) ||
        zeros.elements() != scales.elements() || hidden.elements() / inputs != coarse.elements() / vocabulary) {
      return api_->error(ort::kInvalidArgument, "RefinedLogits: shapes do not fit");
    }
    RETURN_IF_FAILED(kernel::make_output(api_, context, 0, coarse.dims, coarse.rank, &output));
    memcpy(output.data, coarse.data, sizeof(float) * static_cast<size_t>(coarse.elements()));
    Rows rows{{codes.as<uint8_t>(), scales.as<float>(), zeros.as<uint8_t>(), static_cast<int>(vocabulary),
               static_cast<int>(inputs), static_cast<int>(block_)},
              hidden.as<float>(), output.as<float>(), margin_};
    return api_->parallel_for(context, refine_row, static_cast<size_t>(coarse.elements() / vocabulary), &rows);
  }

 private:
  struct Rows {
    refine::Head head;
    const float* hidden;
    float* logits;
    float margin;
  };

  static void refine_row(void* data, size_t row) {
    const Rows& of = *static_cast<Rows*>(data);
    float* logits = of.logits + row * of.head.vocabulary;
    int tokens[refine::kMostCandidates];
    const int count = refine::candidates(logits, of.head.vocabulary, of.margin, tokens);
    for (int n = 0; n < count; ++n) logits[tokens[n]] = refine::exact(of.head, of.hidden + row * of.head.inputs, tokens[n]);
  }

  const Api* api_ = nullptr;
  float margin_ = 0;
  int64_t block_ = 0;
};

// GatedUnit: gate [..] float, up of the same shape -> [..].
class GatedUnit {
 public:
  static constexpr const char* kName = "GatedUnit";
  static constexpr size_t kInputs = 2, kRequired = 2, kOutputs = 1;
  static ort::ElementType input_type(size_t) { return ort::kFloat; }

  Status* prepare(const Api* api, const ort::KernelInfo*) {
    api_ = api;
    return nullptr;
  }

  Status* compute(KernelContext* context) {
    Tensor gates, ups, output;
    RETURN_IF_FAILED(kernel::read_input(api_, context, 0, &gates));
    RETURN_IF_FAILED(kernel::read_input(api_, context, 1, &ups));
    if (gates.elements() != ups.elements()) return api_->error(ort::kInvalidArgument, "GatedUnit: shapes do not fit");
    RETURN_IF_FAILED(kernel::make_output(api_, context, 0, gates.dims, gates.rank, &output));
    const int64_t rows = gates.last() < 1 ? 0 : gates.elements() / gates.last();
    Rows job{gates.as<float>(), ups.as<float>(), output.as<float>(), static_cast<int>(gates.last())};
    if (rows == 1) {
      apply_row(&job, 0);  // waking other threads would take longer
      return nullptr;
    }
    return api_->parallel_for(context, apply_row, static_cast<size_t>(rows), &job);
  }

 private:
  struct Rows {
    const float* gates;
    const float* ups;
    float* output;
    int width;
  };

  static void apply_row(void* data, size_t row) {
    const Rows& of = *static_cast<Rows*>(data);
    const size_t start = row * of.width;
    gate::apply(of.gates + start, of.ups + start, of.width, of.output + start);
  }

  const Api* api_ = nullptr;
};

// CachedAttention: packed [B, S, (heads + 2 kv_heads) * width] float, past keys and values [B, kv_heads, room, width],
// last [B] int32, cosines and sines [positions, width / 2] -> [B, S, heads * width], present keys and values. Whoever calls
// binds the present to the memory of the past.
class CachedAttention {
 public:
  static constexpr const char* kName = "CachedAttention";
  static constexpr size_t kInputs = 6, kRequired = 6, kOutputs = 3;
  static ort::ElementType input_type(size_t index) { return index == 3 ? ort::kInt32 : ort::kFloat; }

  Status* prepare(const Api* api, const ort::KernelInfo* info) {
    api_ = api;
    RETURN_IF_FAILED(api->int_attribute(info, "num_heads", &heads_));
    return api->int_attribute(info, "kv_num_heads", &kv_heads_);
  }

  Status* compute(KernelContext* context) {
    Tensor packed, past[2], last, tables[2];
    RETURN_IF_FAILED(kernel::read_input(api_, context, 0, &packed));
    for (size_t n = 0; n < 2; ++n) {
      RETURN_IF_FAILED(kernel::read_input(api_, context, 1 + n, &past[n]));
      RETURN_IF_FAILED(kernel::read_input(api_, context, 4 + n, &tables[n]));
    }
    RETURN_IF_FAILED(kernel::read_input(api_, context, 3, &last));
    attention::Job job{};
    RETURN_IF_FAILED(fit(packed, past, last, tables, &job));
    Tensor output, present[2];
    const int64_t dims[3] = {packed.dims[0], packed.dims[1], heads_ * job.shape.width};
    RETURN_IF_FAILED(kernel::make_output(api_, context, 0, dims, 3, &output));
    for (size_t n = 0; n < 2; ++n) {
      RETURN_IF_FAILED(kernel::make_output(api_, context, 1 + n, past[n].dims, past[n].rank, &present[n]));
      if (present[n].data != past[n].data) {
        memcpy(present[n].data, past[n].data, sizeof(float) * static_cast<size_t>(past[n].elements()));
      }
    }
    job.keys = present[0].as<float>();
    job.values = present[1].as<float>();
    job.output = output.as<float>();
    return run(context, job);
  }

 private:
  Status* fit(const Tensor& packed, const Tensor* past, const Tensor& last, const Tensor* tables, attention::Job* job) const {
    if (packed.rank != 3 || past[0].rank != 4 || past[1].rank != 4 || heads_ < 1 || kv_heads_ < 1 || heads_ % kv_heads_ ||
        heads_ / kv_heads_ > 64 || past[0].dims[0] != packed.dims[0] || past[0].dims[1] != kv_heads_ ||
        past[0].dims[3] % 32 || packed.dims[2] != (heads_ + 2 * kv_heads_) * past[0].dims[3] ||
        last.elements() != packed.dims[0] || tables[0].rank != 2 || tables[0].last() * 2 != past[0].dims[3] ||
        tables[1].elements() != tables[0].elements() || memcmp(past[0].dims, past[1].dims, sizeof past[0].dims) != 0) {
      return api_->error(ort::kInvalidArgument, "CachedAttention: shapes do not fit");
    }
    job->shape = {static_cast<int>(packed.dims[0]), static_cast<int>(packed.dims[1]), static_cast<int>(heads_),
                  static_cast<int>(kv_heads_), static_cast<int>(past[0].dims[3]), static_cast<int>(past[0].dims[2])};
    job->packed = packed.as<float>();
    job->last = last.as<int32_t>();
    job->cosines = tables[0].as<float>();
    job->sines = tables[1].as<float>();
    const int64_t positions = tables[0].dims[0] < past[0].dims[2] ? tables[0].dims[0] : past[0].dims[2];
    for (int row = 0; row < job->shape.rows; ++row) {
      if (job->last[row] >= positions || job->last[row] - job->shape.tokens + 1 < 0) {
        return api_->error(ort::kInvalidArgument, "CachedAttention: a position lies outside the cache");
      }
    }
    return nullptr;
  }

  Status* run(KernelContext* context, attention::Job& job) {
    const attention::Shape& shape = job.shape;
    const size_t tasks = static_cast<size_t>(attention::tasks_of(shape));
    const size_t queries = kernel::aligned(sizeof(float) * shape.rows * shape.tokens * shape.heads * shape.width);
    kernel::Lease lease(scratch_, queries + sizeof(float) * tasks * attention::scores_of(shape));
    if (lease.memory() == nullptr) return api_->error(ort::kFail, "CachedAttention: not enough memory");
    job.queries = reinterpret_cast<float*>(lease.memory());
    job.scores = reinterpret_cast<float*>(lease.memory() + queries);
    for (int row = 0; row < shape.rows; ++row) attention::append(job, row);
    return api_->parallel_for(
        context, [](void* data, size_t task) { attention::attend(*static_cast<attention::Job*>(data), static_cast<int>(task)); },
        tasks, &job);
  }

  const Api* api_ = nullptr;
  int64_t heads_ = 0, kv_heads_ = 0;
  kernel::Scratch scratch_;
};

}  // namespace

extern "C" __attribute__((visibility("default"))) Status* RegisterCustomOps(ort::SessionOptions* options,
                                                                            const ort::ApiBase* base) {
  const Api* api = base->get_api(ort::kApiVersion);
  if (api == nullptr) abort();  // without its table there is no way to say what is wrong
  ort::CustomOpDomain* domain = nullptr;
  RETURN_IF_FAILED(api->create_domain("intramural", &domain));
  RETURN_IF_FAILED(api->add_operator(domain, kernel::describe<Product4>()));
  RETURN_IF_FAILED(api->add_operator(domain, kernel::describe<RefinedLogits>()));
  RETURN_IF_FAILED(api->add_operator(domain, kernel::describe<CachedAttention>()));
  RETURN_IF_FAILED(api->add_operator(domain, kernel::describe<GatedUnit>()));
  return api->add_domain(options, domain);
}
