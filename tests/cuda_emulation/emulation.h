/* emulation.h: for the fakes of CUDA's libraries (cuBLAS, cuDNN, …) and for tests.
 *
 * Device memory is closed to the host.  Code that plays the device opens it first:
 *
 *   cr_emulation_device device("cublasSgemm");
 *   ... read and write device memory ...
 *
 * Only one host thread plays the device at a time; others wait.
 *
 * The environment says what machine it is:
 *   CRESSET_EMULATION_DEVICES   how many devices (2)
 *   CRESSET_EMULATION_MEMORY    bytes that each has (4 GB)
 *   CRESSET_EMULATION_FAULT     no-driver, old-driver or no-device: what the runtime answers
 *   CRESSET_EMULATION_WITHOUT   a library that is not there: NCCL, cuDNN, ..
 *   CRESSET_EMULATION_LATE      1: what a kernel writes to page-locked memory is seen by the host
 * from the next call of the runtime on, as if the kernel took its time CRESSET_EMULATION_ORDER
 * forward, backward or random:SEED: who runs first, of blocks and threads; what comes out
 * differently lacks a barrier
 *
 * A mistake that is seen ends the process with a line that names kernel, block and thread.  Not
 * seen are: what a kernel reads out of range (but under AddressSanitizer), streams and host threads
 * that do not wait for each other, addresses that are not aligned (but under
 * UndefinedBehaviorSanitizer),
 * __launch_bounds__, and that the host touches device memory while another thread's kernel runs. */
#ifndef CR_EMULATION_H
#define CR_EMULATION_H

#include <stdbool.h>
#include <stddef.h>

extern "C" {
/* Opens device memory until the leave that belongs to it; they nest.  The name is of what runs, for
 * messages, and must outlive it. */
void cr_emulation_enter(const char *name);
void cr_emulation_leave(void);

/* Whether all of p[0 .. bytes) lies in one live block of device memory, or in mapped host memory.
 */
bool cr_emulation_is_device(const void *p, size_t bytes);

/* The device whose live block holds p; -1: none. */
int cr_emulation_device_of(const void *p);

/* Bytes that the device's live blocks have together: 0 when nothing leaks.  The plug-in exports it.
 */
__attribute__((visibility("default"))) size_t cr_emulation_live_bytes(int device);

/* How many kernels were launched so far, in all threads.  The plug-in exports it too. */
__attribute__((visibility("default"))) unsigned long long cr_emulation_launches(void);

/* Prints a line that names what runs, and aborts. */
[[noreturn]] void cr_emulation_report(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
}

class cr_emulation_device {
public:
  explicit cr_emulation_device(const char *name) { cr_emulation_enter(name); }
  ~cr_emulation_device() { cr_emulation_leave(); }
  cr_emulation_device(const cr_emulation_device &) = delete;
  cr_emulation_device &operator=(const cr_emulation_device &) = delete;
};

#endif
