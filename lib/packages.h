/* packages.h: where `require` finds Cresset's own packages.
 *
 *   require "torch"         a C function of the table in packages.c
 *   require "optim"         lib/optim/init.lua
 *   require "optim.adam"    lib/optim/adam.lua
 *   require "nn.Linear"     nn/Linear.lua
 *   require "cresset.repl"  vm/repl.lua
 *
 * The Lua files are compiled into the library; CRESSET_PATH names a source tree whose files win
 * over them. */
#ifndef CR_PACKAGES_H
#define CR_PACKAGES_H

#include <stdbool.h>
#include <stddef.h>

#include <lua.h>

typedef struct {
  const char *path; /* from the top of the tree: "lib/optim/init.lua" */
  const char *bytes;
  size_t length;
  const char *code; /* the bytecode of a Lua file, or NULL */
  size_t code_length;
} cr_embedded_file;

/* Written at build time by scripts/embed.c, sorted by path. */
extern const cr_embedded_file cr_embedded_files[];
extern const size_t cr_embedded_count;

/* The file of that path, or NULL. */
const cr_embedded_file *cr_embedded_find(const char *path);

/* Whether a chunk of that source name ("@lib/optim/init.lua") is one of the embedded files. */
bool cr_is_embedded(const char *source);

/* Whether `require` would find the package here without a file of the script's. */
bool cr_has_package(lua_State *L, const char *name);

/* In the registry: true when the interpreter behaves as Torch7 did. */
#define CR_TORCH7_KEY "cresset.torch7"
/* In the registry: how the host's last call ended, one of the codes of vm/cresset.h; what is
 * collected when the interpreter closes can tell by it. */
#define CR_STATUS_KEY "cresset.status"

/* In the registry: true when the scripts of the interpreter are restricted. */
#define CR_RESTRICTED_KEY "cresset.restricted"

bool cr_is_restricted(lua_State *L);
/* To be called before a file, a folder or a process is reached, by whatever name: an error when the
 * interpreter's scripts are restricted.  `function` is the one that a script called. */
void cr_need_files(lua_State *L, const char *function);

/* In the registry: the globals that Cresset's Lua files see, where they are not the script's, and
 * the `require` that finds all of them. */
#define CR_LIBRARY_ENVIRONMENT_KEY "cresset.libraries"
#define CR_REQUIRE_KEY "cresset.require"

/* Pushes the function that loads Cresset's packages: `require` as it was before a script had it. */
void cr_push_require(lua_State *L);

/* In the registry: the globals that the Lua files of vm/ see, where they are not the script's. */
#define CR_ENVIRONMENT_KEY "cresset.environment"

/* Puts the packages before the files that a script has on its own path.  A second call in the same
 * interpreter does nothing. */
void cr_open_packages(lua_State *L);

#endif
