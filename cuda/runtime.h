/* runtime.h: what the files of the runtime (errors, device, memory, plugin) share. */
#ifndef CR_CUDA_RUNTIME_H
#define CR_CUDA_RUNTIME_H

#include "cuda/cuda.h"

#include <atomic>
#include <mutex>
#include <vector>

#define CR_CUDA_MOST_DEVICES 64

/* One device, made ready at its first use and kept until the process ends. */
struct cr_cuda_state {
  std::once_flag once;
  std::atomic<bool> ready;
  char failure[512]; /* why it is not */
  unsigned *taken;   /* device memory, see cr_guard */
  cr_refusal_record *record, *record_on_device;
  std::mutex lock;
  std::vector<cudaStream_t> streams; /* [0] is the default stream */
  cudaStream_t copies;               /* NULL: not made yet */
};

int cr_cuda_count();
/* false, with a message, if there is no such device. */
bool cr_cuda_check_device(int device);
/* Of the device in use. */
cr_cuda_state *cr_cuda_here();
cr_cuda_state *cr_cuda_state_of(int device);
/* Waits for every device that was used; says nothing of errors. */
void cr_cuda_synchronize_all();
/* A stream of a device by its number, made if it is not there yet; false with a message. */
bool cr_cuda_stream_number(int device, int number, cudaStream_t *out);
cudaStream_t cr_cuda_stream_of(int device); /* this thread's current one */
/* Makes a stream the thread's current one; returns the one before. */
cudaStream_t cr_cuda_swap_stream(int device, cudaStream_t s);

/* What is put into stream `later` of device `on` from now on waits for what stream `earlier` of
 * device `of` has now. */
bool cr_cuda_let_wait(int on, cudaStream_t later, int of, cudaStream_t earlier);

/* Uses another device until the end of the block. */
struct cr_on_device {
  int before;
  explicit cr_on_device(int device);
  ~cr_on_device();
};

bool cr_cuda_use(cr_device d);
const char *cr_cuda_message(); /* of this thread's last cr_fail */
void cr_cuda_call_begins();
bool cr_cuda_check_refusals();
/* Wait until the stream has done all, or the event has come; false with a message, also when the
 * script is interrupted meanwhile. */
bool cr_cuda_wait_stream(cudaStream_t s, const char *what);
bool cr_cuda_wait_event(cudaEvent_t e, const char *what);

/* A stream of a device beside the numbered ones, for copies that run while those compute. */
bool cr_cuda_copy_stream(int device, cudaStream_t *out);
bool cr_cuda_is_ready(int device); /* it was used; makes nothing ready */

/* Whether p is page-locked memory from pinned_alloc. */
bool cr_cuda_is_pinned(const void *p);
/* A copy from or to p, if it is such memory, goes into the stream. */
void cr_cuda_pinned_use(const void *p, int device, cudaStream_t stream);
/* Gives what is kept for reuse back to CUDA. */
void cr_cuda_pinned_release();

void cr_cuda_fill_memory(cr_backend *b, cr_device_control *c);
void cr_cuda_fill_pinned(cr_device_control *c);
void cr_cuda_fill_device(cr_backend *b, cr_device_control *c);
void cr_cuda_fill_compile(cr_device_control *c);
void cr_cuda_fill_graph(cr_device_control *c);
void cr_cuda_fill_clique(cr_device_control *c);

/* ---- graphs: graph.cu ------------------------------------------------------------------- */

bool cr_cuda_capturing(); /* whether this thread's work is being kept for a graph */
/* Whether the thread may do what a graph cannot repeat; false with a message that says what. */
bool cr_cuda_may(const char *what);
/* For memory.cu: keeps a block that was freed for as long as the graph that is being captured, and
 * a copy of what the host gives. */
void cr_cuda_graph_keep(void *block);
const void *cr_cuda_graph_copy(const void *host, size_t bytes);
/* Blocks of this stream are only for the graph that has it, or for everyone who uses it again. */
void cr_cuda_reserve(int device, cudaStream_t s, bool reserved);
void *cr_cuda_alloc(int device, size_t bytes);
void cr_cuda_free(int device, void *block);

#endif
