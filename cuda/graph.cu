/* graph.cu: a thread's work on a device, captured and repeated.
 *
 * A graph has a stream of its own, and so memory of its own: the blocks that its work uses are
 * never anybody else's.  What was in use before and is freed meanwhile stays as long as the graph.
 */
#include "cuda/runtime.h"

#include <memory>
#include <new>
#include <string.h>

/* What the host says in front of each replay, and where the kernels read it. */
struct news {
  cr_random_move move; /* of the first one */
  cr_update_args args[63];
};

struct bulletin {
  news *there; /* on the device */
  news here;
  int count; /* of args */
};

struct cr_graph {
  int device;
  cudaStream_t stream, before;
  cudaGraphExec_t made;
  uint64_t seed, offset; /* of the generator, when it was captured */
  std::vector<std::unique_ptr<bulletin>> bulletins;
  std::vector<void *> blocks; /* of device memory, and copies in page-locked memory */
  std::vector<void *> copies;
};

static thread_local cr_graph *capturing;
static thread_local std::vector<cr_graph *> finished; /* to be freed when nothing is captured */

bool cr_cuda_capturing() {
  return capturing != NULL;
}

const cr_random_move *cr_cuda_random_move() {
  return capturing ? &capturing->bulletins[0]->there->move : NULL;
}

bool cr_cuda_may(const char *what) {
  return !capturing ||
         cr_fail("%s: a graph cannot repeat that (this is called inside of torch.cuda.graph)",
                 what);
}

void cr_cuda_graph_keep(void *block) {
  capturing->blocks.push_back(block);
}

const void *cr_cuda_graph_copy(const void *host, size_t bytes) {
  void *copy;
  if (!cr_cuda_ok(cudaHostAlloc(&copy, bytes, cudaHostAllocDefault), "page-locked memory"))
    return NULL;
  memcpy(copy, host, bytes);
  capturing->copies.push_back(copy);
  return copy;
}

/* ---- streams, which graphs leave to later ones ------------------------------------------- */

static std::mutex idle_lock;
static std::vector<cudaStream_t> idle[CR_CUDA_MOST_DEVICES];

static bool take_stream(int device, cudaStream_t *out) {
  std::lock_guard<std::mutex> guard(idle_lock);
  if (idle[device].empty())
    return cr_cuda_ok(cudaStreamCreateWithFlags(out, cudaStreamNonBlocking), "torch.cuda.graph");
  *out = idle[device].back();
  idle[device].pop_back();
  return true;
}

static void leave_stream(int device, cudaStream_t s) {
  std::lock_guard<std::mutex> guard(idle_lock);
  idle[device].push_back(s);
}

/* ---- capturing --------------------------------------------------------------------------- */

static void graph_free(cr_graph *g) {
  if (capturing) {
    finished.push_back(g);
    return;
  }
  cr_on_device here(g->device);
  if (cudaDeviceSynchronize() != cudaSuccess) cudaGetLastError(); /* it may be running */
  if (g->made) cudaGraphExecDestroy(g->made);
  for (void *block : g->blocks) cr_cuda_free(g->device, block);
  for (void *copy : g->copies) cudaFreeHost(copy);
  for (auto &b : g->bulletins) cr_cuda_free(g->device, b->there);
  if (g->stream) {
    cr_cuda_reserve(g->device, g->stream, false);
    leave_stream(g->device, g->stream);
  }
  delete g;
}

static bool add_bulletin(cr_graph *g) {
  news *there = static_cast<news *>(cr_cuda_alloc(g->device, sizeof *there));
  if (!there) return cr_fail("out of memory on CUDA device %d", g->device + 1);
  g->bulletins.emplace_back(new bulletin());
  g->bulletins.back()->there = there;
  return true;
}

static bool begin(cr_graph *g) {
  if (!add_bulletin(g) || !take_stream(g->device, &g->stream)) return false;
  cr_cuda_reserve(g->device, g->stream, true);
  return cr_cuda_ok(cudaStreamBeginCapture(g->stream, cudaStreamCaptureModeRelaxed),
                    "torch.cuda.graph");
}

static cr_graph *graph_begin(int device, uint64_t seed, uint64_t offset) {
  if (!cr_cuda_may("torch.cuda.graph")) return NULL;
  if (cr_cuda_option(CR_OPTION_SYNCHRONOUS)) {
    cr_fail("a graph cannot be made in synchronous mode: torch.cuda.setSynchronous(false)");
    return NULL;
  }
  cr_graph *g = new (std::nothrow) cr_graph();
  if (!g) {
    cr_fail("torch.cuda.graph: out of memory");
    return NULL;
  }
  cr_on_device here(device);
  g->device = device, g->seed = seed, g->offset = offset;
  if (!begin(g)) {
    graph_free(g);
    return NULL;
  }
  g->before = cr_cuda_swap_stream(device, g->stream);
  capturing = g;
  return g;
}

static bool graph_end(cr_graph *g) {
  cr_on_device here(g->device);
  cr_cuda_swap_stream(g->device, g->before);
  cudaGraph_t graph;
  bool ok = cr_cuda_ok(cudaStreamEndCapture(g->stream, &graph), "torch.cuda.graph");
  capturing = NULL;
  if (ok) {
    ok = cr_cuda_ok(cudaGraphInstantiate(&g->made, graph, 0), "torch.cuda.graph");
    cudaGraphDestroy(graph);
  }
  std::vector<cr_graph *> list;
  list.swap(finished);
  for (cr_graph *old : list) graph_free(old);
  return ok;
}

static bool graph_numbers(cr_graph_numbers *out) {
  if (!capturing) return cr_fail("nothing is captured by torch.cuda.graph");
  const size_t most = sizeof capturing->bulletins[0]->here.args / sizeof(cr_update_args);
  if ((size_t)capturing->bulletins.back()->count == most && !add_bulletin(capturing)) return false;
  bulletin *b = capturing->bulletins.back().get();
  *out = {&b->here.args[b->count], &b->there->args[b->count]};
  b->count++;
  return true;
}

/* CUDA takes what lies in pageable memory before it returns, so that the next replay's may come. */
static bool tell(const bulletin *b) {
  size_t bytes = offsetof(news, args) + (size_t)b->count * sizeof(cr_update_args);
  return cr_cuda_ok(
      cudaMemcpyAsync(b->there, &b->here, bytes, cudaMemcpyHostToDevice, cr_cuda_stream()),
      "a graph");
}

static bool graph_launch(cr_graph *g, uint64_t seed, uint64_t offset) {
  if (!cr_cuda_may("another graph")) return false;
  cr_on_device here(g->device);
  g->bulletins[0]->here.move = {seed ^ g->seed, offset - g->offset};
  for (auto &b : g->bulletins)
    if (!tell(b.get())) return false;
  return cr_cuda_ok(cudaGraphLaunch(g->made, cr_cuda_stream()), "a graph") &&
         cr_cuda_launched("a graph");
}

void cr_cuda_fill_graph(cr_device_control *c) {
  c->graph_begin = graph_begin;
  c->graph_end = graph_end;
  c->graph_launch = graph_launch;
  c->graph_free = graph_free;
  c->graph_numbers = graph_numbers;
}
