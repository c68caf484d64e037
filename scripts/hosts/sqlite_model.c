/* sqlite_model.c: an extension of SQLite that scores rows with a model.
 *
 *     cc -shared -fPIC sqlite_model.c $(pkg-config --cflags --libs cresset) -o sqlite_model.so
 *     sqlite3 flowers.db
 *     sqlite> .load ./sqlite_model
 *     sqlite> SELECT name, predict('price.t7', width, height) FROM flowers;
 *
 * predict(FILE, x1, ..., xn) gives x1 to xn, as one row, to the model that torch.save wrote to
 * FILE, or to the function that the Lua script FILE returns if its name ends in ".lua".  A model of
 * one output gives a number, one of more a JSON array.  NULL in, NULL out.  Each connection has an
 * interpreter, which keeps the models that it has read.  A row may take as many seconds as
 * PREDICT_SECONDS in the environment says, 10 without it. */
#include <stdio.h>
#include <stdlib.h>

#include <cresset.h>
#include <sqlite3ext.h>
SQLITE_EXTENSION_INIT1

static const char script[] =
    "require 'nn'\n"
    "local models = {}\n"
    "function predict(file, row)\n"
    "  local model = models[file]\n"
    "  if not model then\n"
    "    if file:find '%.lua$' then\n"
    "      model = dofile(file)\n"
    "    else\n"
    "      model = torch.load(file)\n"
    "      model:evaluate()\n"
    "    end\n"
    "    models[file] = model\n"
    "  end\n"
    "  local output = torch.noGrad(function() return model(row:view(1, -1)) end)\n"
    "  return output:double():contiguous():view(-1)\n"
    "end\n";

/* Reads columns 1 to n - 1 as numbers.  Returns SQLITE_OK; SQLITE_NULL for a NULL among them; else
 * SQLITE_MISMATCH. */
static int read_row(int n, sqlite3_value **columns, float *row) {
  for (int i = 1; i < n; i++) {
    switch (sqlite3_value_numeric_type(columns[i])) {
    case SQLITE_INTEGER:
    case SQLITE_FLOAT: row[i - 1] = (float)sqlite3_value_double(columns[i]); break;
    case SQLITE_NULL: return SQLITE_NULL;
    default: return SQLITE_MISMATCH;
    }
  }
  return SQLITE_OK;
}

static void give(sqlite3_context *context, const cresset_tensor *output) {
  cresset_tensor_info info;
  cresset_tensor_look(output, &info);
  const double *y = info.data;
  if (info.shape[0] == 1) {
    sqlite3_result_double(context, y[0]);
    return;
  }
  sqlite3_str *text = sqlite3_str_new(NULL);
  for (int64_t i = 0; i < info.shape[0]; i++)
    sqlite3_str_appendf(text, "%s%!.9g", i ? "," : "[", y[i]);
  sqlite3_str_appendall(text, info.shape[0] ? "]" : "[]");
  char *json = sqlite3_str_finish(text);
  if (json)
    sqlite3_result_text(context, json, -1, sqlite3_free);
  else
    sqlite3_result_error_nomem(context);
}

static void predict(sqlite3_context *context, int n, sqlite3_value **columns) {
  cresset *c = sqlite3_user_data(context);
  const char *file = n > 0 ? (const char *)sqlite3_value_text(columns[0]) : NULL;
  if (n < 2 || !file) {
    sqlite3_result_error(context, "predict: wanted a model's file and a row's numbers", -1);
    return;
  }
  float *row = malloc((size_t)(n - 1) * sizeof *row);
  cresset_tensor *x = NULL, *y = NULL;
  int read = row ? read_row(n, columns, row) : SQLITE_NOMEM;
  if (read == SQLITE_OK)
    x = cresset_tensor_wrap(row, CRESSET_FLOAT32, 1, (int64_t[]){n - 1}, NULL, NULL, NULL);
  if (read == SQLITE_NULL)
    sqlite3_result_null(context);
  else if (read == SQLITE_MISMATCH)
    sqlite3_result_error(context, "predict: a column is no number", -1);
  else if (!x)
    sqlite3_result_error_nomem(context);
  else if (cresset_call(c, "predict", "st>t", file, x, &y))
    sqlite3_result_error(context, cresset_error(c), -1);
  else
    give(context, y);
  cresset_tensor_release(y);
  cresset_tensor_release(x);
  free(row);
}

static void close_interpreter(void *c) {
  cresset_close(c);
}

#ifdef _WIN32
__declspec(dllexport)
#endif
    int sqlite3_sqlitemodel_init(sqlite3 *db, char **error, const sqlite3_api_routines *api) {
  SQLITE_EXTENSION_INIT2(api);
  const char *seconds = getenv("PREDICT_SECONDS");
  const cresset_options options = {
      .seconds = seconds ? atof(seconds) : 10, .lua_memory = 256 << 20, .tensor_memory = 1 << 30};
  cresset *c = cresset_open(&options);
  if (!c || cresset_run_string(c, "sqlite_model", script)) {
    *error = sqlite3_mprintf("%s", cresset_error(c));
    cresset_close(c);
    return SQLITE_ERROR;
  }
  return sqlite3_create_function_v2(db, "predict", -1, SQLITE_UTF8, c, predict, NULL, NULL,
                                    close_interpreter); /* called when this fails, too */
}
