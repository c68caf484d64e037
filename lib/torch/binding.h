/* binding.h: what the files of lib/torch share among themselves. */
#ifndef CR_BINDING_H
#define CR_BINDING_H

#include "lib/torch/boxes.h"
#include "lib/torch/torch_lua.h"
#include "tensor/autograd.h"
#include "tensor/device.h"

/* Each file adds its functions.  The table `torch` is at index 1, the methods of tensors at
 * index 2. */
void cr_bind_tensor(lua_State *L);
void cr_bind_view(lua_State *L);
void cr_bind_print(lua_State *L);
void cr_bind_create(lua_State *L);
void cr_bind_index(lua_State *L);
void cr_bind_math(lua_State *L);
void cr_bind_reduce(lua_State *L);
void cr_bind_select(lua_State *L);
void cr_bind_matrix(lua_State *L);
void cr_bind_linalg(lua_State *L);
void cr_bind_random(lua_State *L);
void cr_bind_sample(lua_State *L);
void cr_bind_order(lua_State *L);
void cr_bind_correlate(lua_State *L);
void cr_bind_fft(lua_State *L);
void cr_bind_special(lua_State *L);
void cr_bind_apply(lua_State *L);
void cr_bind_autograd(lua_State *L);
void cr_bind_callback(lua_State *L);
void cr_bind_graph(lua_State *L);
void cr_bind_storage(lua_State *L);
void cr_bind_device(lua_State *L);
void cr_bind_kernel(lua_State *L);
void cr_bind_capture(lua_State *L);
void cr_bind_clique(lua_State *L);
void cr_bind_profile(lua_State *L);
void cr_bind_autocast(lua_State *L); /* the last one */

/* x[i], x.name; x[i] = v; called with the value at 1, the key at 2 (and v at 3). */
int cr_tensor_index(lua_State *L);
int cr_tensor_newindex(lua_State *L);
/* x:set(storage or tensor, ..) */
int cr_tensor_set(lua_State *L);
/* A property such as x.shape: pushes it and returns 1, or 0 when there is none of that name. */
int cr_push_property(lua_State *L, cr_tensor *t, const char *name);
bool cr_set_property(lua_State *L, cr_tensor *t, const char *name);

#define TORCH_TABLE 1
#define METHOD_TABLE 2

/* A function that is both torch.name(..) and x:name(..) of the same arguments, or only one of them.
 */
typedef struct {
  const char *name;
  lua_CFunction function; /* torch.name; NULL: none */
  lua_CFunction method;   /* x:name; NULL: none */
} cr_binding;

void cr_bind(lua_State *L, const cr_binding *list); /* ends with a NULL name */
/* The same with one number bound to the function (lua_upvalueindex(1)). */
void cr_bind_code(lua_State *L, const char *name, lua_CFunction function, lua_CFunction method,
                  int code);

/* The tensors of a table, or a single tensor, as an array in a userdata on the stack.  `holes`:
 * places may be nil or false, which give NULL; n is then known already. */
cr_tensor **cr_check_tensors(lua_State *L, int arg, int *n, bool holes);

/* Tensors that a call owns, none at first; what is still there goes with the userdata, which
 * cr_push_owned leaves on the top. */
typedef struct {
  int n;
  cr_tensor *t[];
} cr_owned;
cr_owned *cr_push_owned(lua_State *L, int n);
/* Pushes the i-th, which is no longer owned then. */
void cr_push_from(lua_State *L, cr_owned *o, int i);

/* The collector: makes it this context's; its turn, where it is due, before t is pushed. */
void cr_adopt_collector(lua_State *L);
void cr_note_result(lua_State *L, const cr_tensor *t);

/* Nodes of the tape as objects (graph_lua.c); a NULL node is nil. */
int cr_push_node(lua_State *L, cr_node *n);
cr_node *cr_check_node(lua_State *L, int arg);
int cr_register_node_hook(lua_State *L); /* node:registerHook(f) */

/* The state that runs on this thread, for functions that the engine calls; returns the one before.
 */
lua_State *cr_set_running(lua_State *L);

/* A full reduction's result: a number, or the scalar tensor itself when a gradient flows through
 * it. Takes over t. */
int cr_push_number(lua_State *L, cr_tensor *t);
void cr_push_scalar(lua_State *L, cr_dtype dtype, cr_scalar v);
/* Pushes an int64 tensor of 0-based places as 1-based ones; takes over t. */
void cr_push_places(lua_State *L, cr_tensor *t);
/* Values, and their places likewise, through the result tensors at 1 and 2 where there are some;
 * takes over values and places. */
int cr_push_ranked(lua_State *L, const char *fn, cr_tensor *values_out, cr_tensor *places_out,
                   cr_tensor *values, cr_tensor *places);
/* Pushes sizes as a LongStorage. */
void cr_push_sizes(lua_State *L, int n, const int64_t *sizes);
/* A 1-based index tensor (any integer type) of places in t, as int64 beside t; pushes it so that it
 * stays alive. */
cr_tensor *cr_check_index(lua_State *L, int arg, const cr_tensor *t);
/* The same, 0-based. */
cr_tensor *cr_check_places(lua_State *L, int arg, const cr_tensor *t);
/* A number proper: strings that look like one do not count. */
static inline bool cr_is_number(lua_State *L, int arg) {
  return lua_type(L, arg) == LUA_TNUMBER;
}
/* What a tensor is made of, and where. */
typedef struct {
  cr_dtype dtype;
  cr_device device;
} cr_kind;
/* "float32", "float", "FloatTensor" set the dtype alone; Torch7's full names, "torch.FloatTensor"
 * and "torch.CudaTensor", set the device as well.  false when it is no name of a type. */
bool cr_kind_by_name(const char *name, cr_kind *kind);
cr_kind cr_check_kind(lua_State *L, int arg, cr_kind otherwise); /* `otherwise` for nil */
cr_kind cr_default_kind(void);                                   /* of new tensors */
cr_kind cr_kind_of(const cr_tensor *t);
/* Pushes the tensor at index 1 as another type, on another device; itself when it is so already. */
int cr_push_as(lua_State *L, cr_tensor *t, cr_kind kind);
/* Pushes "torch.FloatTensor" and the like; `what` is "Tensor" or "Storage". */
const char *cr_push_kind_name(lua_State *L, cr_dtype dtype, cr_device_type device,
                              const char *what);
cr_dtype cr_check_dtype(lua_State *L, int arg);
/* "cpu", "cuda", "cuda:2" or a number, which counts CUDA devices from 1. */
bool cr_device_by_name(const char *name, cr_device *d);
cr_device cr_check_device(lua_State *L, int arg);
/* What CUDA devices can be told; raises what is missing. */
const cr_device_control *cr_check_control(lua_State *L);
/* Those of torch._cuda.numbers(). */
cr_graph_numbers *cr_check_graph_numbers(lua_State *L, int i);
int cr_push_device(lua_State *L, cr_device d); /* its name; returns 1 */
/* t to read elements of: itself, or a copy in host memory, which is pushed. */
cr_tensor *cr_push_host(lua_State *L, cr_tensor *t);
bool cr_is_tensor_of_ints(const cr_tensor *t);
/* Pushes the value at arg again and returns 1: for methods that give back their tensor. */
int cr_return(lua_State *L, int arg);
/* For operators that give a tensor back: pushes t, or, when it is the tensor at `arg`, that value.
 */
int cr_push_result(lua_State *L, cr_tensor *t, int arg);

#endif
