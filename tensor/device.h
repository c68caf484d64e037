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

  /* 1 if device can read the memory of other directly, 0, or -1 with a message. */
  int (*peer)(int device, int other);
} cr_device_control;

/* ---- the plug-in ------------------------------------------------------------------------ */

/* Raised whenever a table or a struct in it changes. */
#define CR_PLUGIN_ABI 9

/* What a plug-in needs of the core. */
typedef struct {
  void (*set_error)(const char *message);
  const cr_backend *cpu; /* kernels of the CPU, for what the device cannot do */
  void *(*host_alloc)(size_t bytes);
  void (*host_free)(void *p, size_t bytes);
  bool (*reclaim)(void); /* the interpreter's collector frees what it can; false: there is none */
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
