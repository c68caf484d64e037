/* device.h: devices other than the CPU: their plug-in, and what can be asked of them beyond
 * kernels.
 *
 * Such a backend is a shared object (libcresset_cuda.so), loaded when a script first asks for the
 * device.  It links nothing of the core: both sides hand each other tables of functions. */
#ifndef CR_DEVICE_H
#define CR_DEVICE_H

#include "tensor/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- control ---------------------------------------------------------------------------- */

typedef struct {
  char name[256];
  int major, minor; /* compute capability */
  int multiprocessors, warp, max_threads, clock_khz;
  size_t memory, shared; /* bytes: of the device, of a block of threads */
  char driver[32], runtime[32];
} cr_device_properties;

/* What a device can be told. */
typedef enum {
  CR_OPTION_SYNCHRONOUS, /* wait after each kernel, so that errors show at the call that made them
                          */
  CR_OPTION_TF32,        /* float32 products in TensorFloat-32: 10 bits of fraction, much faster */
  CR_OPTION_BENCHMARK,   /* time the algorithms of a convolution and keep the fastest */
  CR_OPTION_DETERMINISTIC, /* only algorithms that give the same bits in every run */
  CR_NOPTIONS
} cr_device_option;

/* An event marks a place in a stream's work. */
typedef struct cr_event cr_event;

/* A kernel's source, to be compiled while the program runs. */
typedef struct {
  const char *text, *file; /* the file's name is for messages */
  const char *name;        /* of the kernel, as in C++: "add", or "add<float>" of a template */
  const char *const *options;
  int noptions;
} cr_kernel_source;

/* What the compiler made of it: code for one compute capability, which can be kept and loaded by
 * another process; or what it said.  Of malloc; image_free frees all of it. */
typedef struct {
  char *name; /* of the kernel in the code */
  void *code;
  size_t bytes;
  char *log;
} cr_kernel_image;

typedef struct {
  unsigned grid[3], block[3]; /* blocks of the grid, threads of a block */
  size_t shared;              /* bytes of dynamic shared memory */
} cr_kernel_shape;

typedef struct {
  int registers, max_threads; /* of a thread; of a block */
  size_t shared, local;       /* bytes: static ones of a block, and of a thread */
} cr_kernel_info;

typedef struct cr_compiled cr_compiled; /* on one device */

/* What a thread puts on a device between graph_begin and graph_end, kept to be repeated. */
typedef struct cr_graph cr_graph;

/* The numbers of a step of an optimizer in a graph: its kernels read at `now`, in the device's
 * memory, what `next` has when the graph is launched. */
typedef struct {
  struct cr_update_args *next;
  const struct cr_update_args *now;
} cr_graph_numbers;

/* What several devices do together.  Device i reads from[i] and writes to[i], which may be one. */
typedef enum {
  CR_COLLECT_ALL_REDUCE,     /* every `to` is the sum of all `from` */
  CR_COLLECT_REDUCE,         /* that of the root only; others are not written */
  CR_COLLECT_BROADCAST,      /* every `to` is the root's `from` */
  CR_COLLECT_ALL_GATHER,     /* every `to` is all `from` in order */
  CR_COLLECT_REDUCE_SCATTER, /* `to` i is part i of the sum of all `from` */
} cr_collective_kind;

typedef enum { CR_COLLECT_SUM, CR_COLLECT_PROD, CR_COLLECT_MAX, CR_COLLECT_MIN } cr_collective_op;

typedef struct {
  cr_collective_kind kind;
  cr_collective_op op;
  cr_dtype dtype;
  size_t count; /* elements: of a part for all-gather and reduce-scatter, else of a tensor */
  int root;     /* a place in the list of devices, from 0 */
  bool clear;   /* reduce: the others' `from` is 0 afterwards */
  const void *const *from;
  void *const *to;
} cr_collective;

/* Devices that have been connected to work together. */
typedef struct cr_clique cr_clique;

/* Devices count from 0.  Streams of a device are numbered from 0, the default one.  Each thread has
 * a current stream for each device.  false: with a message. */
typedef struct {
  int (*count)(void);
  bool (*properties)(int device, cr_device_properties *out);
  bool (*memory)(int device, size_t *free, size_t *total); /* as the driver sees it */
  void (*reset_peak)(int device);
  void (*empty_cache)(int device);
  bool (*synchronize)(int device);              /* also reports what kernels have refused */
  bool (*finish)(void);                         /* the same for every device that is in use */
  int (*option)(cr_device_option o, int value); /* value < 0: only asks; the value before */

  bool (*set_stream)(int device, int stream);
  int (*stream)(int device);
  bool (*stream_synchronize)(int device, int stream);
  /* Work put into `stream` from now on waits for all that `other` of another device has now. */
  bool (*stream_wait)(int device, int stream, int other_device, int other);

  cr_event *(*event_new)(int device);
  void (*event_free)(cr_event *e);
  bool (*event_record)(cr_event *e, int stream);
  bool (*event_wait)(cr_event *e, int device, int stream);
  bool (*event_synchronize)(cr_event *e);
  int (*event_done)(cr_event *e); /* 1, 0, or -1 with a message */
  bool (*event_elapsed)(cr_event *from, cr_event *to, double *milliseconds);

  /* Page-locked host memory, which copies need not wait for. */
  void *(*pinned_alloc)(size_t bytes);
  void (*pinned_free)(void *p);
  /* Copies that return at once when the host's side is page-locked. */
  bool (*to_host_async)(cr_device d, void *host, const void *dev, size_t bytes);
  bool (*from_host_async)(cr_device d, void *dev, const void *host, size_t bytes);
  /* The same to a whole new block of the current stream, beside what that computes from now on; the
   * block may be used after `arrived`, which makes the current stream wait for it, or freed. */
  bool (*from_host_ahead)(cr_device d, void *dev, const void *host, size_t bytes);
  bool (*arrived)(cr_device d, void *dev);

  /* 1 if device can read the memory of other directly, 0, or -1 with a message. */
  int (*peer)(int device, int other);

  /* Begins to keep this thread's work on a device instead of doing it.  Random numbers are those of
   * `seed` from `offset` on.  NULL with a message. */
  cr_graph *(*graph_begin)(int device, uint64_t seed, uint64_t offset);
  /* Ends that; false, with a message, when something could not be kept.  g stays to be freed. */
  bool (*graph_end)(cr_graph *g);
  /* Does the work, in the thread's current stream, with random numbers of `seed` from `offset` on.
   */
  bool (*graph_launch)(cr_graph *g, uint64_t seed, uint64_t offset);
  void (*graph_free)(cr_graph *g);
  /* Of the graph that this thread captures, which keeps them; false with a message. */
  bool (*graph_numbers)(cr_graph_numbers *out);

  /* Connects different devices; NULL with a message. */
  cr_clique *(*clique_new)(int n, const int *devices);
  void (*clique_free)(cr_clique *c);
  /* All of a list at once, in the devices' current streams, or beside what those compute from now
   * on until `clique_join`, which makes them wait for it. */
  bool (*collect)(cr_clique *c, int n, const cr_collective *list, bool beside);
  bool (*clique_join)(cr_clique *c);

  int (*compiler)(void); /* its version, as 13000; 0 with a message when there is none */
  /* Compiles for that device's capability. */
  bool (*kernel_compile)(int device, const cr_kernel_source *s, cr_kernel_image *out);
  void (*image_free)(cr_kernel_image *image);
  cr_compiled *(*kernel_load)(int device, const cr_kernel_image *image);
  void (*kernel_free)(cr_compiled *k);
  bool (*kernel_info)(cr_compiled *k, cr_kernel_info *out);
  /* In the thread's current stream of the kernel's device. */
  bool (*kernel_launch)(cr_compiled *k, const cr_kernel_shape *shape, void **arguments);
} cr_device_control;

/* ---- the plug-in ------------------------------------------------------------------------ */

/* Raised whenever a table or a struct in it changes. */
#define CR_PLUGIN_ABI 13

/* What a plug-in needs of the core. */
typedef struct {
  void (*set_error)(const char *message);
  const cr_backend *cpu; /* kernels of the CPU, for what the device cannot do */
  void *(*host_alloc)(size_t bytes);
  void (*host_free)(void *p, size_t bytes);
  bool (*reclaim)(void); /* the interpreter's collector frees what it can; false: there is none */
  bool (*interrupted)(void); /* whether this thread's script is to end: no more waiting */
} cr_plugin_core;

typedef struct {
  int abi;
  const cr_backend *tensor;
  const void *nn; /* a cr_nn_backend (nn/backend.h) */
  const cr_device_control *control;
} cr_plugin;

/* The function that the shared object exports under CR_PLUGIN_ENTRY.  It checks that there is a
 * device; NULL with a message when there is none. */
typedef const cr_plugin *(*cr_plugin_open)(int abi, const cr_plugin_core *core);
#define CR_PLUGIN_ENTRY "cr_cuda_open"

/* The plug-in of a device type, loaded if it is not yet; NULL with a message that says what is
 * missing.  A failure is kept: the next call gives the same message. */
const cr_plugin *cr_plugin_of(cr_device_type type);

/* Waits for all that devices have to do; false with a message if that failed, or something before
 * had failed and nobody was told.  Asks for no device itself. */
bool cr_devices_finish(void);

#ifdef __cplusplus
}
#endif

#endif
