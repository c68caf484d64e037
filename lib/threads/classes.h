/* classes.h: classes of torch.class, as messages carry them. */
#ifndef CR_THREAD_CLASSES_H
#define CR_THREAD_CLASSES_H

#include <stdbool.h>

#include <lua.h>

enum {
  CR_CLASS_DEFINED = 1, /* its methods travel with it */
  CR_CLASS_AT_HOME = 2  /* its constructor is in the package that its name begins with */
};

/* Pushes torch._metatables. */
void cr_push_classes(lua_State *L);
/* When the value at `index` is a class, a metatable that torch.class has made, pushes its name. */
bool cr_push_class_name(lua_State *L, int index);
/* When the table at `index` is a class's constructor, pushes the class. */
bool cr_push_constructed(lua_State *L, int index);
/* When the class at `index` has a parent, pushes it. */
bool cr_push_parent(lua_State *L, int index);
/* How the class at `index` travels; 0: by its name alone, because its package has it. */
int cr_class_flags(lua_State *L, int index);
/* Whether the field with the key and value on the top is one that torch.class has made. */
bool cr_class_made_field(lua_State *L, int index);
/* Pushes the class of the name on the top, which it replaces: the one that is known here, or, when
 * flags say that its definition follows, a new one below the class at `parent` (0: none).  Returns
 * whether the definition is to be filled in. */
bool cr_find_class(lua_State *L, int flags, int parent);
/* Replaces the class on the top by its constructor. */
void cr_get_constructor(lua_State *L);

#endif
