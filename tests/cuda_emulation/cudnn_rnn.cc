/* cudnn_rnn.cc: a fake of cuDNN's recurrent layers.
 *
 * The weights lie in an order of its own, with gaps, so that only who asks for their places finds
 * them.  The backward is made from what the forward left in the reserve space, and overwrites it:
 * used out of turn, it gives NaN. */
#include "cudnn_parts.h"
#include "tensor/half.h"

#include <math.h>
#include <vector>

struct cudnnDropoutStruct {
  bool set;
};
struct cudnnRNNStruct {
  bool set;
  cudnnRNNAlgo_t algo;
  cudnnRNNMode_t mode;
  cudnnDataType_t type;
  cudnnMathType_t math;
  bool bias, padded;
  int directions, in, hidden, out, layers;
};
struct cudnnRNNDataStruct {
  cudnnDataType_t type;
  cudnnRNNDataLayout_t layout;
  int steps, batch, width;
  std::vector<int> length;
};

static cudnnStatus_t fail(cudnnStatus_t status, const char *why) {
  return cr_cudnn_fail(status, why);
}

/* ---- numbers ---------------------------------------------------------------------------- */

static int64_t element(cudnnDataType_t t) {
  return t == CUDNN_DATA_DOUBLE ? 8 : t == CUDNN_DATA_FLOAT ? 4 : 2;
}

static double get(cudnnDataType_t t, const void *p, int64_t i) {
  switch (t) {
  case CUDNN_DATA_DOUBLE: return static_cast<const double *>(p)[i];
  case CUDNN_DATA_FLOAT: return static_cast<const float *>(p)[i];
  case CUDNN_DATA_HALF: return cr_f16_to_float(static_cast<const uint16_t *>(p)[i]);
  default: return cr_bf16_to_float(static_cast<const uint16_t *>(p)[i]);
  }
}

static void put(cudnnDataType_t t, void *p, int64_t i, double x) {
  switch (t) {
  case CUDNN_DATA_DOUBLE: static_cast<double *>(p)[i] = x; break;
  case CUDNN_DATA_FLOAT: static_cast<float *>(p)[i] = (float)x; break;
  case CUDNN_DATA_HALF: static_cast<uint16_t *>(p)[i] = cr_float_to_f16((float)x); break;
  default: static_cast<uint16_t *>(p)[i] = cr_float_to_bf16((float)x); break;
  }
}

static double sigmoid(double x) {
  return 1 / (1 + exp(-x));
}

/* ---- descriptors ------------------------------------------------------------------------ */

template <typename D> static cudnnStatus_t create(D **out) {
  if (!out) return CUDNN_STATUS_BAD_PARAM_NULL_POINTER;
  *out = new D();
  return CUDNN_STATUS_SUCCESS;
}

template <typename D> static cudnnStatus_t destroy(D *d) {
  delete d;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnCreateDropoutDescriptor(cudnnDropoutDescriptor_t *d) {
  return create(d);
}
cudnnStatus_t cudnnDestroyDropoutDescriptor(cudnnDropoutDescriptor_t d) {
  return destroy(d);
}
cudnnStatus_t cudnnCreateRNNDescriptor(cudnnRNNDescriptor_t *d) {
  return create(d);
}
cudnnStatus_t cudnnDestroyRNNDescriptor(cudnnRNNDescriptor_t d) {
  return destroy(d);
}
cudnnStatus_t cudnnCreateRNNDataDescriptor(cudnnRNNDataDescriptor_t *d) {
  return create(d);
}
cudnnStatus_t cudnnDestroyRNNDataDescriptor(cudnnRNNDataDescriptor_t d) {
  return destroy(d);
}

/* Three dimensions without gaps: what the states have. */
cudnnStatus_t cudnnSetTensorNdDescriptor(cudnnTensorDescriptor_t d, cudnnDataType_t type, int n,
                                         const int size[], const int stride[]) {
  if (!d || !size || !stride) return CUDNN_STATUS_BAD_PARAM_NULL_POINTER;
  if (n != 3) return fail(CUDNN_STATUS_NOT_SUPPORTED, "the dimensions");
  if (size[0] < 1 || size[1] < 1 || size[2] < 1) return fail(CUDNN_STATUS_BAD_PARAM, "a size");
  if (stride[2] != 1 || stride[1] != size[2] || stride[0] != size[1] * size[2])
    return fail(CUDNN_STATUS_BAD_PARAM, "a stride");
  *d = {type, {size[0], size[1], size[2], 1}, CUDNN_TENSOR_NCHW};
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetDropoutDescriptor(cudnnDropoutDescriptor_t d, cudnnHandle_t h, float p,
                                        void *states, size_t bytes, unsigned long long) {
  if (!d || !cr_cudnn_usable(h)) return CUDNN_STATUS_BAD_PARAM;
  if (p != 0 || states || bytes) return fail(CUDNN_STATUS_NOT_SUPPORTED, "dropout");
  d->set = true;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetRNNDescriptor_v8(cudnnRNNDescriptor_t d, cudnnRNNAlgo_t algo,
                                       cudnnRNNMode_t mode, cudnnRNNBiasMode_t bias,
                                       cudnnDirectionMode_t direction, cudnnRNNInputMode_t input,
                                       cudnnDataType_t type, cudnnDataType_t precision,
                                       cudnnMathType_t math, int32_t in, int32_t hidden,
                                       int32_t out, int32_t layers,
                                       cudnnDropoutDescriptor_t dropout, uint32_t flags) {
  if (!d || !dropout || !dropout->set) return CUDNN_STATUS_BAD_PARAM_NULL_POINTER;
  if (in < 1 || hidden < 1 || out < 1 || layers < 1 || out > hidden || input != CUDNN_LINEAR_INPUT)
    return fail(CUDNN_STATUS_BAD_PARAM, "a size of a recurrent layer");
  if ((precision == CUDNN_DATA_DOUBLE) != (type == CUDNN_DATA_DOUBLE) ||
      (precision != CUDNN_DATA_DOUBLE && precision != CUDNN_DATA_FLOAT))
    return fail(CUDNN_STATUS_NOT_SUPPORTED, "the precision");
  /* bfloat16: the real one is not known to refuse it; it stands for a type that is missing. */
  if (out != hidden &&
      (mode != CUDNN_LSTM || algo != CUDNN_RNN_ALGO_STANDARD || type == CUDNN_DATA_BFLOAT16))
    return fail(CUDNN_STATUS_NOT_SUPPORTED, "a projection");
  if (algo == CUDNN_RNN_ALGO_PERSIST_DYNAMIC ||
      (algo == CUDNN_RNN_ALGO_PERSIST_STATIC && type == CUDNN_DATA_DOUBLE))
    return fail(CUDNN_STATUS_NOT_SUPPORTED, "the algorithm");
  *d = {true,
        algo,
        mode,
        type,
        math,
        bias == CUDNN_RNN_DOUBLE_BIAS,
        (flags & CUDNN_RNN_PADDED_IO_ENABLED) != 0,
        direction == CUDNN_BIDIRECTIONAL ? 2 : 1,
        in,
        hidden,
        out,
        layers};
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetRNNDataDescriptor(cudnnRNNDataDescriptor_t d, cudnnDataType_t type,
                                        cudnnRNNDataLayout_t layout, int steps, int batch,
                                        int width, const int length[], void *) {
  if (!d || !length) return CUDNN_STATUS_BAD_PARAM_NULL_POINTER;
  if (layout == CUDNN_RNN_DATA_LAYOUT_BATCH_MAJOR_UNPACKED)
    return fail(CUDNN_STATUS_NOT_SUPPORTED, "the layout");
  if (steps < 1 || batch < 1 || width < 1)
    return fail(CUDNN_STATUS_BAD_PARAM, "a size of the data");
  for (int b = 0; b < batch; b++)
    if (length[b] < 1 || length[b] > steps) return fail(CUDNN_STATUS_BAD_PARAM, "a length");
  *d = {type, layout, steps, batch, width, std::vector<int>(length, length + batch)};
  return CUDNN_STATUS_SUCCESS;
}

/* ---- a stack ---------------------------------------------------------------------------- */

/* Where the parts of what is kept of one layer in one direction begin, in numbers. */
struct parts {
  int64_t act, cell, raw, out, gi, gh, gout, all;
};

/* A call's descriptors, by value: they may be gone when a graph repeats it. */
struct net {
  cudnnRNNStruct r;
  std::vector<int> length;
  std::vector<int64_t> first; /* row of each step */
  int64_t rows = 0, batch = 0;
  int gates, lanes;
  parts at;
  std::vector<int64_t> matrix, bias; /* byte offsets: 9, 8 for each lane */
  int64_t weight_bytes = 0;

  explicit net(const cudnnRNNStruct &rnn);
  void read(const cudnnRNNDataStruct &x);

  int64_t width_of(int lane) const { return lane < r.directions ? r.in : r.directions * r.out; }
  int64_t kept_bytes() const { return 64 + lanes * at.all * 8; }
  int64_t row(int lane, int64_t b, int64_t i) const {
    int64_t t = r.directions == 2 && lane % 2 ? length[(size_t)b] - 1 - i : i;
    return first[(size_t)t] + b;
  }
};

/* From the last layer's last matrix to the first one's, with a gap behind every other. */
net::net(const cudnnRNNStruct &rnn) : r(rnn) {
  gates = r.mode == CUDNN_LSTM ? 4 : r.mode == CUDNN_GRU ? 3 : 1;
  lanes = r.layers * r.directions;
  matrix.assign((size_t)lanes * 9, -1);
  bias.assign((size_t)lanes * 8, -1);
  int64_t place = 128, size = element(r.type);
  for (int lane = lanes - 1; lane >= 0; lane--) {
    for (int id = 0; id < 2 * gates && r.bias; id++, place += id % 2 ? 0 : 32) {
      bias[(size_t)(lane * 8 + id)] = place;
      place += r.hidden * size;
    }
    if (r.out != r.hidden) {
      matrix[(size_t)(lane * 9 + 2 * gates)] = place;
      place += (int64_t)r.out * r.hidden * size;
    }
    for (int id = 0; id < 2 * gates; id++, place += id % 2 ? 0 : 32) {
      matrix[(size_t)(lane * 9 + (id + gates) % (2 * gates))] = place;
      place += r.hidden * size * (id >= gates ? width_of(lane) : r.out);
    }
    place = (place + 31) / 32 * 32;
  }
  weight_bytes = place;
}

void net::read(const cudnnRNNDataStruct &x) {
  length = x.length;
  batch = x.batch;
  for (int t = 0; t < x.steps; t++) {
    first.push_back(rows);
    int64_t n = 0;
    for (int l : length) n += l > t;
    rows += x.layout == CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED ? n : batch;
  }
  int64_t h = r.hidden, n = 0;
  int64_t *const place[] = {&at.act, &at.cell, &at.raw, &at.out, &at.gi, &at.gh, &at.gout};
  const int64_t width[] = {4 * h, h, h, r.out, gates * h, gates * h, r.out};
  for (int i = 0; i < 7; i++) {
    *place[i] = n;
    n += rows * width[i];
  }
  at.all = n;
}

/* ---- checks ----------------------------------------------------------------------------- */

static cudnnStatus_t check(cudnnHandle_t h, const cudnnRNNStruct *r, const cudnnRNNDataStruct *x) {
  if (!cr_cudnn_usable(h)) return CUDNN_STATUS_NOT_INITIALIZED;
  if (!r || !x || !r->set) return CUDNN_STATUS_BAD_PARAM_NULL_POINTER;
  if (x->type != r->type || x->width != r->in)
    return fail(CUDNN_STATUS_BAD_PARAM, "x's type or width");
  bool packed = x->layout == CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED;
  if (packed == r->padded) return fail(CUDNN_STATUS_BAD_PARAM, "the layout and padded data");
  for (size_t b = 1; packed && b < x->length.size(); b++)
    if (x->length[b] > x->length[b - 1])
      return fail(CUDNN_STATUS_BAD_PARAM, "packed sequences that are not sorted");
  if (packed && r->algo != CUDNN_RNN_ALGO_STANDARD)
    return fail(CUDNN_STATUS_NOT_SUPPORTED, "packed sequences");
  return CUDNN_STATUS_SUCCESS;
}

static bool same_lengths(const cudnnRNNDataStruct *x, const cudnnRNNDataStruct *y) {
  return x->layout == y->layout && x->steps == y->steps && x->length == y->length &&
         x->type == y->type;
}

static bool states_fit(const net &k, const cudnnTensorStruct *d, int width) {
  return d && d->type == k.r.type && d->size[0] == k.lanes && d->size[1] == k.batch &&
         d->size[2] == width;
}

/* NULL, or device memory for n elements. */
static bool there(const net &k, const void *p, int64_t n) {
  size_t size = (size_t)element(k.r.type);
  return !p || fake::in_device(p, (size_t)n * size, size);
}

static int64_t work_bytes(const net &k) {
  return 256 + 16 * k.rows;
}

/* What all three calls are given. */
struct call {
  cudnnHandle_t h;
  const cudnnRNNStruct *r;
  const cudnnRNNDataStruct *x, *y;
  const cudnnTensorStruct *hd, *cd;
  size_t weight_bytes;
  const void *weights;
  size_t work_bytes;
  void *work;
  size_t kept_bytes;
  void *kept;
  bool training;
};

static cudnnStatus_t check_call(const call &c, net &k) {
  if (!c.y || !same_lengths(c.x, c.y) || c.y->width != k.r.directions * k.r.out)
    return fail(CUDNN_STATUS_BAD_PARAM, "y's descriptor");
  if (!states_fit(k, c.hd, k.r.out) || (c.cd && !states_fit(k, c.cd, k.r.hidden)))
    return fail(CUDNN_STATUS_BAD_PARAM, "a descriptor of the states");
  if (c.weight_bytes != (size_t)k.weight_bytes || !fake::in_device(c.weights, c.weight_bytes, 16))
    return fail(CUDNN_STATUS_BAD_PARAM, "the weight space");
  if (c.work_bytes < (size_t)work_bytes(k) || !fake::in_device(c.work, c.work_bytes, 16))
    return fail(CUDNN_STATUS_BAD_PARAM, "the work space");
  if (c.training &&
      (c.kept_bytes < (size_t)k.kept_bytes() || !fake::in_device(c.kept, c.kept_bytes, 16)))
    return fail(CUDNN_STATUS_BAD_PARAM, "the reserve space");
  fake::spoil(c.work, c.work_bytes);
  return CUDNN_STATUS_SUCCESS;
}

/* ---- the sums --------------------------------------------------------------------------- */

/* What the loops work on. */
struct run {
  const net &k;
  const char *w; /* weight space */
  const void *x, *hx, *cx;
  double *kept; /* behind its stamp */

  double *part(int lane, int64_t offset, int64_t row, int64_t width) const {
    return kept + lane * k.at.all + offset + row * width;
  }
  /* Factors on tensor cores have 10 bits of fraction. */
  double factor(double v) const {
    if (k.r.type != CUDNN_DATA_FLOAT || k.r.math == CUDNN_FMA_MATH) return v;
    return cr_bits_float((cr_float_bits((float)v) + 0x1000u) & 0xffffe000u);
  }
  double weight(int lane, int id, int64_t i) const {
    return factor(get(k.r.type, w + k.matrix[(size_t)(lane * 9 + id)], i));
  }
  double bias(int lane, int id, int64_t i) const {
    return k.r.bias ? get(k.r.type, w + k.bias[(size_t)(lane * 8 + id)], i) : 0;
  }
  double input(int lane, int64_t row, int64_t j) const {
    int d = k.r.directions, below = lane / d * d - d;
    if (below < 0) return factor(get(k.r.type, x, row * k.r.in + j));
    return factor(part(below + (int)(j / k.r.out), k.at.out, row, k.r.out)[j % k.r.out]);
  }
  double state(int lane, int64_t b, int64_t prev, int64_t j) const {
    if (prev >= 0) return factor(part(lane, k.at.out, prev, k.r.out)[j]);
    return hx ? factor(get(k.r.type, hx, (lane * k.batch + b) * k.r.out + j)) : 0;
  }
  double cell(int lane, int64_t b, int64_t prev, int64_t u) const {
    if (prev >= 0) return part(lane, k.at.cell, prev, k.r.hidden)[u];
    return cx ? get(k.r.type, cx, (lane * k.batch + b) * k.r.hidden + u) : 0;
  }
};

static void step(const run &f, int lane, int64_t b, int64_t row, int64_t prev) {
  const net &k = f.k;
  int h = k.r.hidden, o = k.r.out;
  int64_t n = k.width_of(lane);
  double *act = f.part(lane, k.at.act, row, 4 * h), *c = f.part(lane, k.at.cell, row, h);
  double *raw = f.part(lane, k.at.raw, row, h), *out = f.part(lane, k.at.out, row, o);
  for (int u = 0; u < h; u++) {
    double a[4], s[4];
    for (int g = 0; g < k.gates; g++) {
      a[g] = f.bias(lane, g, u);
      s[g] = f.bias(lane, k.gates + g, u);
      for (int64_t j = 0; j < n; j++) a[g] += f.weight(lane, g, u * n + j) * f.input(lane, row, j);
      for (int j = 0; j < o; j++)
        s[g] += f.weight(lane, k.gates + g, (int64_t)u * o + j) * f.state(lane, b, prev, j);
    }
    if (k.r.mode == CUDNN_LSTM) {
      for (int g = 0; g < 4; g++)
        act[g * h + u] = g == 2 ? tanh(a[g] + s[g]) : sigmoid(a[g] + s[g]);
      c[u] = act[h + u] * f.cell(lane, b, prev, u) + act[u] * act[2 * h + u];
      raw[u] = act[3 * h + u] * tanh(c[u]);
    } else if (k.r.mode == CUDNN_GRU) {
      double r = act[u] = sigmoid(a[0] + s[0]), z = act[h + u] = sigmoid(a[1] + s[1]);
      double m = act[2 * h + u] = tanh(a[2] + r * s[2]);
      act[3 * h + u] = s[2];
      raw[u] = (1 - z) * m + z * f.state(lane, b, prev, u);
    } else {
      raw[u] = k.r.mode == CUDNN_RNN_TANH ? tanh(a[0] + s[0]) : fmax(0, a[0] + s[0]);
    }
  }
  for (int j = 0; j < o; j++) {
    out[j] = o == h ? raw[j] : 0;
    for (int u = 0; o != h && u < h; u++)
      out[j] += f.weight(lane, 2 * k.gates, (int64_t)j * h + u) * f.factor(raw[u]);
  }
}

static void forward(const run &f, void *y, void *hy, void *cy) {
  const net &k = f.k;
  int o = k.r.out, h = k.r.hidden, d = k.r.directions;
  for (int lane = 0; lane < k.lanes; lane++)
    for (int64_t b = 0; b < k.batch; b++) {
      int64_t prev = -1;
      for (int64_t i = 0; i < k.length[(size_t)b]; i++) {
        int64_t row = k.row(lane, b, i);
        step(f, lane, b, row, prev);
        prev = row;
        for (int j = 0; lane >= k.lanes - d && j < o; j++)
          put(k.r.type, y, (row * d + lane % d) * o + j, f.part(lane, k.at.out, row, o)[j]);
      }
      for (int j = 0; hy && j < o; j++)
        put(k.r.type, hy, (lane * k.batch + b) * o + j, f.part(lane, k.at.out, prev, o)[j]);
      for (int u = 0; cy && k.r.mode == CUDNN_LSTM && u < h; u++)
        put(k.r.type, cy, (lane * k.batch + b) * h + u, f.part(lane, k.at.cell, prev, h)[u]);
    }
}

/* The gradient of what a layer was given. */
static double input_gradient(const run &f, int layer, int64_t row, int64_t j) {
  const net &k = f.k;
  int h = k.r.hidden, d = k.r.directions;
  double sum = 0;
  for (int lane = layer * d; lane < (layer + 1) * d; lane++) {
    const double *gi = f.part(lane, k.at.gi, row, k.gates * h);
    for (int g = 0; g < k.gates; g++)
      for (int u = 0; u < h; u++)
        sum += f.factor(gi[g * h + u]) * f.weight(lane, g, u * k.width_of(lane) + j);
  }
  return sum;
}

/* Of the gates of a unit; *gc: of its c, becomes that of the one before.  Gives what of g goes to
 * the state before directly. */
static double gate_gradients(const run &f, int lane, int64_t b, int64_t row, int64_t prev, int u,
                             double g, double *gc) {
  const net &k = f.k;
  int h = k.r.hidden;
  const double *act = f.part(lane, k.at.act, row, 4 * h);
  double *gi = f.part(lane, k.at.gi, row, k.gates * h);
  double *gh = f.part(lane, k.at.gh, row, k.gates * h);
  if (k.r.mode == CUDNN_LSTM) {
    double i = act[u], fo = act[h + u], m = act[2 * h + u], o = act[3 * h + u];
    double t = tanh(f.part(lane, k.at.cell, row, h)[u]), all = *gc + g * o * (1 - t * t);
    gi[u] = all * m * i * (1 - i);
    gi[h + u] = all * f.cell(lane, b, prev, u) * fo * (1 - fo);
    gi[2 * h + u] = all * i * (1 - m * m);
    gi[3 * h + u] = g * t * o * (1 - o);
    *gc = all * fo;
  } else if (k.r.mode == CUDNN_GRU) {
    double r = act[u], z = act[h + u], m = act[2 * h + u], s = act[3 * h + u];
    double gm = g * (1 - z) * (1 - m * m);
    gi[u] = gm * s * r * (1 - r);
    gi[h + u] = g * (f.state(lane, b, prev, u) - m) * z * (1 - z);
    gi[2 * h + u] = gm;
    for (int q = 0; q < 2; q++) gh[q * h + u] = gi[q * h + u];
    gh[2 * h + u] = gm * r;
    return g * z;
  } else {
    double y = f.part(lane, k.at.raw, row, h)[u];
    gi[u] = k.r.mode == CUDNN_RNN_TANH ? g * (1 - y * y) : y > 0 ? g : 0;
  }
  for (int q = 0; q < k.gates; q++) gh[q * h + u] = gi[q * h + u];
  return 0;
}

/* back: the gradient of the state after the step, becomes that of the one before. */
static void step_back(const run &f, int lane, int64_t b, int64_t row, int64_t prev, const void *dy,
                      std::vector<double> &back, std::vector<double> &gc) {
  const net &k = f.k;
  int h = k.r.hidden, o = k.r.out, d = k.r.directions, layer = lane / d;
  double *gout = f.part(lane, k.at.gout, row, o);
  for (int j = 0; j < o; j++) {
    int64_t place = lane % d * o + j;
    gout[j] =
        back[(size_t)j] + (layer == k.r.layers - 1 ? get(k.r.type, dy, row * d * o + place)
                                                   : input_gradient(f, layer + 1, row, place));
    back[(size_t)j] = 0;
  }
  for (int u = 0; u < h; u++) {
    double g = o == h ? gout[u] : 0;
    for (int j = 0; o != h && j < o; j++)
      g += f.factor(gout[j]) * f.weight(lane, 2 * k.gates, (int64_t)j * h + u);
    double direct = gate_gradients(f, lane, b, row, prev, u, g, &gc[(size_t)u]);
    if (k.r.mode == CUDNN_GRU) back[(size_t)u] = direct;
  }
  const double *gh = f.part(lane, k.at.gh, row, k.gates * h);
  for (int j = 0; j < o; j++)
    for (int q = 0; q < k.gates; q++)
      for (int u = 0; u < h; u++)
        back[(size_t)j] +=
            f.factor(gh[q * h + u]) * f.weight(lane, k.gates + q, (int64_t)u * o + j);
}

static void backward_lane(const run &f, int lane, int64_t b, const void *dy, const void *dhy,
                          void *dhx, const void *dcy, void *dcx) {
  const net &k = f.k;
  int o = k.r.out, h = k.r.hidden;
  int64_t hp = (lane * k.batch + b) * o, cp = (lane * k.batch + b) * h;
  std::vector<double> back((size_t)o), gc((size_t)h);
  for (int j = 0; dhy && j < o; j++) back[(size_t)j] = get(k.r.type, dhy, hp + j);
  for (int u = 0; dcy && u < h; u++) gc[(size_t)u] = get(k.r.type, dcy, cp + u);
  for (int64_t i = k.length[(size_t)b] - 1; i >= 0; i--)
    step_back(f, lane, b, k.row(lane, b, i), i ? k.row(lane, b, i - 1) : -1, dy, back, gc);
  for (int j = 0; dhx && j < o; j++) put(k.r.type, dhx, hp + j, back[(size_t)j]);
  for (int u = 0; dcx && u < h; u++) put(k.r.type, dcx, cp + u, gc[(size_t)u]);
}

static void backward_data(const run &f, const void *dy, void *dx, const void *dhy, void *dhx,
                          const void *dcy, void *dcx) {
  const net &k = f.k;
  for (int lane = k.lanes - 1; lane >= 0; lane--)
    for (int64_t b = 0; b < k.batch; b++) backward_lane(f, lane, b, dy, dhy, dhx, dcy, dcx);
  for (int64_t b = 0; b < k.batch; b++)
    for (int64_t i = 0; i < k.length[(size_t)b]; i++)
      for (int j = 0; j < k.r.in; j++)
        put(k.r.type, dx, k.row(0, b, i) * k.r.in + j, input_gradient(f, 0, k.row(0, b, i), j));
}

/* Adds to the matrix at `place` the sums over all rows of left(row, i) * right(b, row, prev, j). */
template <typename L, typename R>
static void add_products(const run &f, int lane, char *place, int64_t m, int64_t n, L left,
                         R right) {
  const net &k = f.k;
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++) {
      double sum = 0;
      for (int64_t b = 0; b < k.batch; b++)
        for (int64_t s = 0; s < k.length[(size_t)b]; s++) {
          int64_t row = k.row(lane, b, s), prev = s ? k.row(lane, b, s - 1) : -1;
          sum += left(row, i) * right(b, row, prev, j);
        }
      put(k.r.type, place, i * n + j, get(k.r.type, place, i * n + j) + sum);
    }
}

static void backward_weights(const run &f, char *dw) {
  const net &k = f.k;
  int h = k.r.hidden, o = k.r.out;
  auto one = [](int64_t, int64_t, int64_t, int64_t) { return 1.0; };
  for (int lane = 0; lane < k.lanes; lane++) {
    auto to = [&](int id) { return dw + k.matrix[(size_t)(lane * 9 + id)]; };
    for (int id = 0; id < 2 * k.gates; id++) {
      bool state = id >= k.gates;
      int64_t which = state ? k.at.gh : k.at.gi, gate = id % k.gates;
      auto left = [&](int64_t row, int64_t u) {
        return f.factor(f.part(lane, which, row, k.gates * h)[gate * h + u]);
      };
      add_products(f, lane, to(id), h, state ? o : k.width_of(lane), left,
                   [&](int64_t b, int64_t row, int64_t prev, int64_t j) {
                     return state ? f.state(lane, b, prev, j) : f.input(lane, row, j);
                   });
      if (k.r.bias) add_products(f, lane, dw + k.bias[(size_t)(lane * 8 + id)], h, 1, left, one);
    }
    if (o != h)
      add_products(
          f, lane, to(2 * k.gates), o, h,
          [&](int64_t row, int64_t j) { return f.factor(f.part(lane, k.at.gout, row, o)[j]); },
          [&](int64_t, int64_t row, int64_t, int64_t u) {
            return f.factor(f.part(lane, k.at.raw, row, h)[u]);
          });
  }
}

/* ---- the calls -------------------------------------------------------------------------- */

typedef cudnnHandle_t H;
typedef cudnnRNNDescriptor_t RD;
typedef cudnnRNNDataDescriptor_t XD;
typedef cudnnTensorDescriptor_t TD;

cudnnStatus_t cudnnGetRNNTempSpaceSizes(H h, RD r, cudnnForwardMode_t mode, XD x, size_t *work,
                                        size_t *kept) {
  cudnnStatus_t status = check(h, r, x);
  if (status) return status;
  net k(*r);
  k.read(*x);
  if (work) *work = (size_t)work_bytes(k);
  if (kept) *kept = mode == CUDNN_FWD_MODE_TRAINING ? (size_t)k.kept_bytes() : 0;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetRNNWeightSpaceSize(H h, RD r, size_t *bytes) {
  if (!cr_cudnn_usable(h)) return CUDNN_STATUS_NOT_INITIALIZED;
  if (!r || !r->set || !bytes) return CUDNN_STATUS_BAD_PARAM_NULL_POINTER;
  *bytes = (size_t)net(*r).weight_bytes;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetRNNWeightParams(H h, RD r, int32_t lane, size_t bytes, const void *space,
                                      int32_t id, TD matrix, void **matrix_at, TD bias,
                                      void **bias_at) {
  if (!cr_cudnn_usable(h)) return CUDNN_STATUS_NOT_INITIALIZED;
  if (!r || !r->set || !space) return CUDNN_STATUS_BAD_PARAM_NULL_POINTER;
  net k(*r);
  if (lane < 0 || lane >= k.lanes || id < 0 || id > 8 || bytes != (size_t)k.weight_bytes)
    return fail(CUDNN_STATUS_BAD_PARAM, "the layer, the number or the space");
  char *base = static_cast<char *>(const_cast<void *>(space));
  if (matrix && matrix_at) {
    int64_t place = k.matrix[(size_t)(lane * 9 + id)];
    int rows = id == 2 * k.gates ? r->out : r->hidden;
    int columns = id == 2 * k.gates ? r->hidden : id < k.gates ? (int)k.width_of(lane) : r->out;
    *matrix = {r->type, {1, rows, columns, 1}, CUDNN_TENSOR_NCHW};
    *matrix_at = place < 0 ? NULL : base + place;
  }
  if (bias && bias_at) {
    int64_t place = id < 8 ? k.bias[(size_t)(lane * 8 + id)] : -1;
    *bias = {r->type, {1, r->hidden, 1, 1}, CUDNN_TENSOR_NCHW};
    *bias_at = place < 0 ? NULL : base + place;
  }
  return CUDNN_STATUS_SUCCESS;
}

/* In what turn the reserve space is used. */
enum { FORWARD_DONE = 0x46, DATA_DONE = 0x44 };

static bool in_turn(void *kept, int wanted, int next) {
  int *stamp = static_cast<int *>(kept);
  bool ok = *stamp == wanted;
  *stamp = next;
  return ok;
}

static double *behind_stamp(void *kept) {
  return reinterpret_cast<double *>(static_cast<char *>(kept) + 64);
}

/* Makes everything that is computed NaN. */
static void poison(const net &k, void *kept) {
  double *p = behind_stamp(kept);
  for (int64_t i = 0; i < k.lanes * k.at.all; i++) p[i] = NAN;
}

cudnnStatus_t cudnnRNNForward(H h, RD r, cudnnForwardMode_t mode, const int32_t *, XD xd,
                              const void *x, XD yd, void *y, TD hd, const void *hx, void *hy, TD cd,
                              const void *cx, void *cy, size_t weight_bytes, const void *weights,
                              size_t work_bytes, void *work, size_t kept_bytes, void *kept) {
  cr_emulation_device device("cudnnRNNForward");
  cudnnStatus_t status = check(h, r, xd);
  if (status) return status;
  net k(*r);
  k.read(*xd);
  bool training = mode == CUDNN_FWD_MODE_TRAINING;
  status = check_call(
      {h, r, xd, yd, hd, cd, weight_bytes, weights, work_bytes, work, kept_bytes, kept, training},
      k);
  if (status) return status;
  int64_t states = k.lanes * k.batch;
  if (!x || !y || !there(k, x, k.rows * r->in) || !there(k, y, k.rows * yd->width) ||
      !there(k, hx, states * r->out) || !there(k, hy, states * r->out) ||
      !there(k, cx, states * r->hidden) || !there(k, cy, states * r->hidden))
    return fail(CUDNN_STATUS_EXECUTION_FAILED, "memory of the host");
  /* As if it were found out late. */
  if (r->algo == CUDNN_RNN_ALGO_PERSIST_STATIC && xd->steps == 1)
    return fail(CUDNN_STATUS_NOT_SUPPORTED, "one step");
  fake::run_or_keep(h->base, "cudnnRNNForward", [=] {
    std::vector<double> own(training ? 0 : (size_t)(k.lanes * k.at.all));
    if (training) in_turn(kept, 0, FORWARD_DONE);
    run f = {k,  static_cast<const char *>(weights),        x, hx,
             cx, training ? behind_stamp(kept) : own.data()};
    forward(f, y, hy, cy);
  });
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnRNNBackwardData_v8(H h, RD r, const int32_t *, XD yd, const void *y,
                                      const void *dy, XD xd, void *dx, TD hd, const void *hx,
                                      const void *dhy, void *dhx, TD cd, const void *cx,
                                      const void *dcy, void *dcx, size_t weight_bytes,
                                      const void *weights, size_t work_bytes, void *work,
                                      size_t kept_bytes, void *kept) {
  cr_emulation_device device("cudnnRNNBackwardData_v8");
  cudnnStatus_t status = check(h, r, xd);
  if (status) return status;
  net k(*r);
  k.read(*xd);
  status = check_call(
      {h, r, xd, yd, hd, cd, weight_bytes, weights, work_bytes, work, kept_bytes, kept, true}, k);
  if (status) return status;
  int64_t states = k.lanes * k.batch;
  if (!y || !dy || !dx || !there(k, y, k.rows * yd->width) || !there(k, dy, k.rows * yd->width) ||
      !there(k, dx, k.rows * r->in) || !there(k, hx, states * r->out) ||
      !there(k, dhy, states * r->out) || !there(k, dhx, states * r->out) ||
      !there(k, cx, states * r->hidden) || !there(k, dcy, states * r->hidden) ||
      !there(k, dcx, states * r->hidden))
    return fail(CUDNN_STATUS_EXECUTION_FAILED, "memory of the host");
  fake::run_or_keep(h->base, "cudnnRNNBackwardData", [=] {
    if (!in_turn(kept, FORWARD_DONE, DATA_DONE)) poison(k, kept);
    run f = {k, static_cast<const char *>(weights), NULL, hx, cx, behind_stamp(kept)};
    backward_data(f, dy, dx, dhy, dhx, dcy, dcx);
  });
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnRNNBackwardWeights_v8(H h, RD r, cudnnWgradMode_t mode, const int32_t *, XD xd,
                                         const void *x, TD hd, const void *hx, XD yd, const void *y,
                                         size_t weight_bytes, void *weights, size_t work_bytes,
                                         void *work, size_t kept_bytes, void *kept) {
  cr_emulation_device device("cudnnRNNBackwardWeights_v8");
  cudnnStatus_t status = check(h, r, xd);
  if (status) return status;
  if (mode != CUDNN_WGRAD_MODE_ADD) return fail(CUDNN_STATUS_NOT_SUPPORTED, "the mode");
  net k(*r);
  k.read(*xd);
  status = check_call(
      {h, r, xd, yd, hd, NULL, weight_bytes, weights, work_bytes, work, kept_bytes, kept, true}, k);
  if (status) return status;
  if (!x || !y || !there(k, x, k.rows * r->in) || !there(k, y, k.rows * yd->width) ||
      !there(k, hx, k.lanes * k.batch * r->out))
    return fail(CUDNN_STATUS_EXECUTION_FAILED, "memory of the host");
  fake::run_or_keep(h->base, "cudnnRNNBackwardWeights", [=] {
    if (!in_turn(kept, DATA_DONE, 0)) poison(k, kept);
    run f = {k, static_cast<const char *>(weights), x, hx, NULL, behind_stamp(kept)};
    backward_weights(f, static_cast<char *>(weights));
  });
  return CUDNN_STATUS_SUCCESS;
}
