/* fibre.cc: stacks, and switching from one to another. */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#if CR_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

/* -DCR_UCONTEXT=1 tries on any machine what those without assembly here use. */
#ifndef CR_UCONTEXT
#if defined(__x86_64__) || defined(__aarch64__)
#define CR_UCONTEXT 0
#else
#define CR_UCONTEXT 1
#endif
#endif
#if CR_UCONTEXT
#include <ucontext.h>
#endif

namespace emulation {

enum { STACK_BYTES = 256 << 10 };

/* Stacks are never given back; they lie in one chain so that a fault can be told from others. */
struct chained_fibre : fibre {
  chained_fibre *next;
  char *guard;
  void (*entry)(void);
};

static chained_fibre *all_fibres;
static size_t page_bytes;

/* The one that was switched from last, whose stack AddressSanitizer names on arrival. */
static fibre *left;

static void arrive(fibre *self) {
#if CR_ASAN
  const void *bottom;
  size_t bytes;
  __sanitizer_finish_switch_fiber(self->fake_stack, &bottom, &bytes);
  left->bottom = const_cast<void *>(bottom);
  left->bytes = bytes;
#else
  (void)self;
#endif
}

static fibre *arriving;

static void begin() {
  chained_fibre *self = static_cast<chained_fibre *>(arriving);
  arrive(self);
  self->entry();
  abort(); /* entry never returns */
}

#if CR_UCONTEXT

static void *new_context(char *stack, size_t bytes) {
  ucontext_t *context = new ucontext_t;
  getcontext(context);
  context->uc_stack.ss_sp = stack;
  context->uc_stack.ss_size = bytes;
  context->uc_link = nullptr;
  makecontext(context, begin, 0);
  return context;
}

static void switch_context(fibre *from, fibre *to) {
  if (!from->context) from->context = new ucontext_t;
  swapcontext(static_cast<ucontext_t *>(from->context), static_cast<ucontext_t *>(to->context));
}

#else

/* Saves what a call must keep on the stack, leaves the stack pointer in *from, and goes on where
 * `to` left off. */
extern "C" void cr_emulation_switch(void **from, void *to);

#if defined(__x86_64__)

__asm__(R"(
    .text
    .hidden cr_emulation_switch
    .globl cr_emulation_switch
    .type cr_emulation_switch, @function
cr_emulation_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size cr_emulation_switch, . - cr_emulation_switch
)");

static void *new_context(char *stack, size_t bytes) {
  /* Six registers, where to go on, and the NULL that ends a stack trace. */
  void **top = reinterpret_cast<void **>(stack + bytes);
  top[-1] = top[-2] = nullptr;
  top[-3] = nullptr;
  top[-4] = reinterpret_cast<void *>(begin);
  for (int i = 5; i <= 10; i++) top[-i] = nullptr;
  return top - 10;
}

#else /* aarch64 */

__asm__(R"(
    .text
    .hidden cr_emulation_switch
    .globl cr_emulation_switch
    .type cr_emulation_switch, %function
cr_emulation_switch:
    sub sp, sp, #160
    stp x19, x20, [sp]
    stp x21, x22, [sp, #16]
    stp x23, x24, [sp, #32]
    stp x25, x26, [sp, #48]
    stp x27, x28, [sp, #64]
    stp x29, x30, [sp, #80]
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    mov x2, sp
    str x2, [x0]
    mov sp, x1
    ldp x19, x20, [sp]
    ldp x21, x22, [sp, #16]
    ldp x23, x24, [sp, #32]
    ldp x25, x26, [sp, #48]
    ldp x27, x28, [sp, #64]
    ldp x29, x30, [sp, #80]
    ldp d8, d9, [sp, #96]
    ldp d10, d11, [sp, #112]
    ldp d12, d13, [sp, #128]
    ldp d14, d15, [sp, #144]
    add sp, sp, #160
    ret
    .size cr_emulation_switch, . - cr_emulation_switch
)");

static void *new_context(char *stack, size_t bytes) {
  void **top = reinterpret_cast<void **>(stack + bytes) - 20;
  for (int i = 0; i < 20; i++) top[i] = nullptr;
  top[11] = reinterpret_cast<void *>(begin); /* x30 */
  return top;
}

#endif

static void switch_context(fibre *from, fibre *to) {
  cr_emulation_switch(&from->context, to->context);
}

#endif

fibre *fibre_new(void (*entry)(void)) {
  static unsigned count;
  page_bytes = (size_t)sysconf(_SC_PAGESIZE);
  char *memory =
      static_cast<char *>(mmap(nullptr, page_bytes + STACK_BYTES, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0));
  if (memory == MAP_FAILED || mprotect(memory, page_bytes, PROT_NONE) != 0) {
    perror("cuda emulation: a stack");
    abort();
  }
  chained_fibre *f = new chained_fibre();
  f->guard = memory;
  f->bottom = memory + page_bytes;
  /* Tops of stacks that lie a power of two apart would share few cache lines' places. */
  f->bytes = STACK_BYTES - count++ % 61 * 192;
  f->entry = entry;
  f->context = new_context(static_cast<char *>(f->bottom), f->bytes);
  f->next = all_fibres;
  all_fibres = f;
  return f;
}

void fibre_switch(fibre *from, fibre *to) {
  left = from;
  arriving = to;
#if CR_ASAN
  __sanitizer_start_switch_fiber(&from->fake_stack, to->bottom, to->bytes);
#endif
  switch_context(from, to);
  arrive(from);
}

bool fibre_overflowed(const void *p) {
  for (chained_fibre *f = all_fibres; f; f = f->next)
    if (p >= f->guard && p < f->guard + page_bytes) return true;
  return false;
}

} // namespace emulation
