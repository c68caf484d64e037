/* openers.h: the functions that open the C parts of packages otherwise written in Lua.  Each pushes
 * a table of functions. */
#ifndef CR_OPENERS_H
#define CR_OPENERS_H

#include <lua.h>

int luaopen_torch_disk(lua_State *L);    /* lib/torch/disk_lua.c: require "torch._disk" */
int luaopen_torch_each(lua_State *L);    /* lib/torch/each_lua.c: require "torch._each" */
int luaopen_torch_clock(lua_State *L);   /* lib/torch/clock_lua.c: require "torch._clock" */
int luaopen_paths_system(lua_State *L);  /* lib/paths/paths_lua.c: require "paths._system" */
int luaopen_xlua_terminal(lua_State *L); /* lib/xlua/term_lua.c: require "xlua._terminal" */
int luaopen_data_csv(lua_State *L);      /* lib/data/csv_lua.c: require "data._csv" */
int luaopen_data_idx(lua_State *L);      /* lib/data/idx_lua.c: require "data._idx" */
int luaopen_data_random(lua_State *L);   /* lib/data/random_lua.c: require "data._random" */
int luaopen_data_stack(lua_State *L);    /* lib/data/stack_lua.c: require "data._stack" */
int luaopen_data_bpe(lua_State *L);      /* lib/data/bpe_lua.c: require "data._bpe" */
int luaopen_data_text(lua_State *L);     /* lib/data/text_lua.c: require "data._text" */
int luaopen_data_disk(lua_State *L);     /* lib/data/disk_lua.c: require "data._disk" */
int luaopen_formats_npy(lua_State *L);   /* lib/formats/npy_lua.c: require "formats._npy" */
int luaopen_formats_npz(lua_State *L);   /* lib/formats/npz_lua.c: require "formats._npz" */
/* lib/formats/safetensors_lua.c: require "formats._safetensors" */
int luaopen_formats_safetensors(lua_State *L);
int luaopen_image_codec(lua_State *L);   /* lib/image/codec_lua.c: require "image._codec" */
int luaopen_image_pixels(lua_State *L);  /* lib/image/pixels_lua.c: require "image._pixels" */
int luaopen_nn_functional(lua_State *L); /* lib/nn/nn_lua.c: require "nn.functional" */
int luaopen_optim_update(lua_State *L);  /* lib/optim/update_lua.c: require "optim._update" */
int luaopen_threads_core(lua_State *L);  /* lib/threads/threads_lua.c: require "threads._core" */
int luaopen_lfs_calls(lua_State *L);     /* lib/lfs/lfs_lua.c: require "lfs._calls" */
int luaopen_help_sources(lua_State *L);  /* lib/help/help_lua.c: require "help._sources" */
int luaopen_json_codec(lua_State *L);    /* lib/json/json_lua.c: require "json._codec" */
/* lib/tensorboard/events_lua.c: require "tensorboard._events" */
int luaopen_tensorboard_events(lua_State *L);

#endif
