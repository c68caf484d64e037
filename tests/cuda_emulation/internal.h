/* internal.h: what the files of the emulation share with each other. */
#ifndef CR_EMULATION_INTERNAL_H
#define CR_EMULATION_INTERNAL_H

#include <cuda_runtime.h>

#include <functional>
#include <mutex>
#include <stdint.h>

#include "emulation.h"

#if defined(__SANITIZE_ADDRESS__)
#define CR_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CR_ASAN 1
#endif
#endif
#ifndef CR_ASAN
#define CR_ASAN 0
#endif

namespace emulation {

/* ---- runtime.cc: devices and the calling thread ------------------------------------------------
 */

constexpr int DEVICES_MAX = 16;
constexpr size_t SHARED_DEFAULT = 48 << 10; /* bytes of shared memory that a block can have */
constexpr size_t SHARED_MAX = 227 << 10;    /* and can be allowed to have */
constexpr unsigned THREADS_MAX = 1024;      /* of a block */
constexpr int MULTIPROCESSORS = 4;

/* The last two come when so many kernels have run: no call works any more; or the device is at work
 * for BUSY_SECONDS. */
enum fault {
  FAULT_NONE,
  FAULT_NO_DRIVER,
  FAULT_OLD_DRIVER,
  FAULT_NO_DEVICE,
  FAULT_LOST,
  FAULT_BUSY
};
constexpr double BUSY_SECONDS = 5;
enum order { FORWARD, BACKWARD, RANDOM };

struct settings {
  int devices;
  size_t memory; /* bytes of each device */
  enum fault fault;
  uint64_t fault_after; /* kernels */
  bool late;            /* hide_writes() */
  enum order order;
  uint64_t seed;
};
const settings &configuration();

/* One lock for everything: the device does one thing at a time. */
extern std::recursive_mutex lock;

double now(); /* milliseconds */
/* Whether the fault's time has come. */
bool has_come(enum fault f);
void wait_while_busy();

/* Leaves an error as the thread's last one; returns it. */
cudaError_t fail(cudaError_t error);
/* What each call asks first: is there a driver and a device, may this thread call now. */
cudaError_t ready();
int current_device();
bool peers(int device, int peer); /* may device reach into peer's memory? */
/* Calls fn, in which no call of the runtime is permitted. */
void call_host_function(cudaHostFn_t fn, void *data);

/* ---- streams.cc
 * ---------------------------------------------------------------------------------- */

bool valid_stream(cudaStream_t stream);
int stream_device(cudaStream_t stream);
void streams_release_all(int device);

/* ---- graphs.cc ----------------------------------------------------------------------------------
 */

bool is_capturing(cudaStream_t stream);
bool any_capturing();
/* Keeps work for the graph that a stream is captured for. */
void keep_step(cudaStream_t stream, const char *name, std::function<void()> work);
/* Where the stream is being captured, makes that fail and returns the error; else success. */
cudaError_t refuse_capture(cudaStream_t stream, cudaError_t error);

/* ---- arena.cc: device memory --------------------------------------------------------------------
 */

struct allocation {
  uintptr_t start;
  size_t bytes, room; /* asked for, and with the gap behind them */
  int device;
  bool carved; /* into pieces, which count instead of it */
};

/* NULL when there is no room; filled with the pattern of memory that nobody wrote. */
void *arena_allocate(size_t bytes, int device);
/* False when p begins no live block.  Reports a block that was written beyond its end. */
bool arena_release(void *p);
void arena_release_all(int device);
/* The live block, or piece of one, that holds address p or ends there; NULL: none. */
const allocation *arena_find(const void *p);
bool arena_contains(const void *p); /* whether p lies in the arena at all */
/* Reports a block that was written beyond its end. */
void arena_check(const allocation &b);
size_t arena_live_bytes(int device);

/* ---- memory.cc: host memory that the device may use
 * ---------------------------------------------- */

/* Whether p[0 .. bytes) lies in mapped host memory, or in a variable of the device. */
bool mapped_host(const void *p, size_t bytes);
/* Around a kernel: takes what it has written to the host's memory away again.  show_writes() puts
 * it there. */
void watch_writes();
void hide_writes();
void show_writes();

/* ---- fibre.cc: stacks and switching between them
 * --------------------------------------------------- */

struct fibre {
  void *context; /* its stack pointer while it does not run */
  void *bottom;  /* of its stack; for AddressSanitizer */
  size_t bytes;
  void *fake_stack;
};

fibre *fibre_new(void (*entry)(void));
void fibre_switch(fibre *from, fibre *to);
/* Whether address p is the guard page of a fibre's stack. */
bool fibre_overflowed(const void *p);

/* ---- threads.cc: the threads of a block
 * ------------------------------------------------------------ */

/* Runs the current block of the launch: blockIdx, blockDim, gridDim are set. */
void run_block(const cr_emulation_launch &launch);
/* Puts where the kernel is into text ("block (0,0,0), thread (3,0,0)"); empty when no thread runs.
 */
void describe_place(char *text, size_t size);

/* ---- shared.cc: shared memory of the running block
 * ------------------------------------------------- */

void shared_begin(const cr_emulation_launch &launch, size_t limit);
void shared_end();

/* ---- report.cc
 * ------------------------------------------------------------------------------------- */

/* What runs: kernels and fakes of libraries, for messages. */
extern const char *running;
/* Fills memory with the pattern: NaN as float, double, half and bfloat16, and absurd as an integer.
 */
void fill_pattern(void *p, size_t bytes);
/* Starts `text` with what runs and where. */
void describe_running(char *text, size_t size);
void install_handlers();
/* Lets the calling thread survive an overflow of its stack for long enough to say so. */
void use_signal_stack();

} // namespace emulation

#endif
