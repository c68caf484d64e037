/* graphs.cc: graphs.  What is put into a stream that is being captured is kept instead of done, and
 * done at each launch. */
#include "internal.h"

#include <map>
#include <memory>
#include <vector>

namespace emulation {

struct step {
  const char *name;
  std::function<void()> work;
};

struct capture {
  std::vector<step> steps;
  bool invalid;
};

} // namespace emulation

struct CUgraph_st {
  std::vector<emulation::step> steps;
};

struct CUgraphExec_st {
  std::vector<emulation::step> steps;
  int device;
};

namespace emulation {

static std::map<cudaStream_t, capture> &captures = *new std::map<cudaStream_t, capture>;

bool is_capturing(cudaStream_t stream) {
  std::lock_guard<std::recursive_mutex> guard(lock);
  return captures.count(stream) > 0;
}

bool any_capturing() {
  return !captures.empty();
}

void keep_step(cudaStream_t stream, const char *name, std::function<void()> work) {
  std::lock_guard<std::recursive_mutex> guard(lock);
  captures.at(stream).steps.push_back({name, std::move(work)});
}

cudaError_t refuse_capture(cudaStream_t stream, cudaError_t error) {
  auto found = captures.find(stream);
  if (found == captures.end()) return cudaSuccess;
  found->second.invalid = true;
  return fail(error);
}

} // namespace emulation

using namespace emulation;
using guard = std::lock_guard<std::recursive_mutex>;

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, enum cudaStreamCaptureMode mode) {
  guard g(lock);
  cudaError_t error = ready();
  if (error != cudaSuccess) return error;
  if (mode != cudaStreamCaptureModeRelaxed) return fail(cudaErrorNotSupported);
  if (!stream || stream == cudaStreamLegacy) return fail(cudaErrorStreamCaptureUnsupported);
  if (!valid_stream(stream)) return fail(cudaErrorInvalidResourceHandle);
  if (captures.count(stream)) return fail(cudaErrorStreamCaptureUnsupported);
  captures[stream] = {};
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *pGraph) {
  guard g(lock);
  cudaError_t error = ready();
  if (error != cudaSuccess) return error;
  auto found = captures.find(stream);
  if (found == captures.end()) return fail(cudaErrorStreamCaptureUnmatched);
  *pGraph = found->second.invalid ? NULL : new CUgraph_st{std::move(found->second.steps)};
  captures.erase(found);
  return *pGraph ? cudaSuccess : fail(cudaErrorStreamCaptureInvalidated);
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *pGraphExec, cudaGraph_t graph,
                                 unsigned long long flags) {
  cudaError_t error = ready();
  if (error != cudaSuccess) return error;
  if (!pGraphExec || !graph || flags) return fail(cudaErrorInvalidValue);
  *pGraphExec = new CUgraphExec_st{graph->steps, current_device()};
  return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t graphExec, cudaStream_t stream) {
  guard g(lock);
  cudaError_t error = ready();
  if (error != cudaSuccess) return error;
  if (!graphExec) return fail(cudaErrorInvalidValue);
  if (!valid_stream(stream) || stream_device(stream) != graphExec->device)
    return fail(cudaErrorInvalidResourceHandle);
  if (captures.count(stream)) return fail(cudaErrorNotSupported); /* of graphs in graphs */
  for (const step &s : graphExec->steps) {
    cr_emulation_device open(s.name);
    s.work();
  }
  return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graphExec) {
  guard g(lock);
  delete graphExec;
  return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  guard g(lock);
  delete graph;
  return cudaSuccess;
}

/* ---- for kernels and fakes --------------------------------------------------------------- */

bool cr_emulation_is_capturing(cudaStream_t stream) {
  return is_capturing(stream);
}

void cr_emulation_keep(cudaStream_t stream, const char *name, void *data, void (*run)(void *data),
                       void (*drop)(void *data)) {
  std::shared_ptr<void> kept(data, drop);
  keep_step(stream, name, [kept, run] { run(kept.get()); });
}
