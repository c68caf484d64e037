/* models.c: a model in several interpreters, which answer requests in batches.
 *
 * An interpreter loads the model; each worker has an interpreter of its own with a copy that
 * shares the weights. A worker takes what waits, as long as rows are of one width, and scores it as
 * one tensor.  Where that fails each of the requests is scored alone, so that a bad one spoils no
 * other.  A model that is loaded again gets a new interpreter, while the workers go on with the old
 * one's; what it leaves behind ends with the old interpreter.  Workers are restricted: what a
 * script of -script does reaches no file, and ends at their limits. */
#include "models.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cresset.h>

static const char script[] =
    "require 'nn'\n"
    "function load(path)\n"
    "  local loaded = torch.load(path)\n"
    "  if type(loaded) ~= 'table' or not loaded.forward then error(path "
    ".. ' holds no model', 0) end\n"
    "  loaded:evaluate()\n"
    "  return loaded:float()\n"
    "end\n"
    "function score(x)\n" /* model:forward would keep what a backward needs */
    "  local y = torch.noGrad(function() return model(x) end)\n"
    "  return y:float():contiguous():view(x:size(1), -1)\n"
    "end\n";

static models_options options;

static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER; /* one loads at a time */

static struct {
  pthread_mutex_t lock; /* held by who copies the model or puts another in its place */
  cresset *c;
  cresset_value *model;
  int generation;
} loaded = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct {
  pthread_mutex_t lock;
  pthread_cond_t more;
  request *first, **last;
  int length;
  int closing;
} waiting = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER};

typedef struct {
  pthread_t thread;
  cresset *c;
  int generation; /* of its copy of the model */
} worker;

static worker *workers;
static int started;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* The first line of a message of the interpreter's, without the script's position. */
static void take_message(char *to, size_t size, const char *message) {
  if (strncmp(message, "server:", 7) == 0 && strchr(message, ' '))
    message = strchr(message, ' ') + 1;
  snprintf(to, size, "%.*s", (int)strcspn(message, "\n"), message);
}

/* ---- loading ------------------------------------------------------------------------------- */

#define LUA_MEMORY ((size_t)256 << 20)     /* of a worker */
#define TENSOR_MEMORY ((size_t)1024 << 20) /* the model's weights aside */

static cresset *open_interpreter(int is_worker) {
  cresset_options o = {.threads = 1};
  if (is_worker) {
    o.restricted = 1;
    o.seconds = options.seconds;
    o.lua_memory = LUA_MEMORY;
    o.tensor_memory = TENSOR_MEMORY;
  }
  cresset *c = cresset_open(&o);
  if (c && cresset_run_string(c, "server", script) == CRESSET_OK) return c;
  cresset_close(c);
  return NULL;
}

int models_reload(char *error, size_t size) {
  cresset_value *model = NULL;
  pthread_mutex_lock(&loading);
  cresset *c = open_interpreter(0);
  int code = c ? cresset_call(c, "load", "s>v", options.path, &model) : CRESSET_ERROR;
  if (code == CRESSET_OK) {
    pthread_mutex_lock(&loaded.lock);
    cresset *old = loaded.c;
    cresset_release(old, loaded.model);
    loaded.c = c;
    loaded.model = model;
    loaded.generation++;
    pthread_mutex_unlock(&loaded.lock);
    c = old;
  } else {
    take_message(error, size, cresset_error(c));
  }
  cresset_close(c);
  pthread_mutex_unlock(&loading);
  return code == CRESSET_OK ? 0 : -1;
}

int models_generation(void) {
  pthread_mutex_lock(&loaded.lock);
  int n = loaded.generation;
  pthread_mutex_unlock(&loaded.lock);
  return n;
}

/* Gives the worker the newest model, if it has not got it, and lets the one before go: the
 * collector would not hurry, as those weights were counted with the interpreter that loaded them.
 */
static int refresh(worker *w) {
  cresset_value *copy = NULL;
  int code = CRESSET_OK;
  pthread_mutex_lock(&loaded.lock);
  int newer = w->generation != loaded.generation;
  if (newer) {
    code = cresset_copy(w->c, loaded.c, loaded.model, &copy);
    if (!code) code = cresset_set(w->c, NULL, "model", "v", copy);
    if (!code) w->generation = loaded.generation;
    cresset_release(w->c, copy);
  }
  pthread_mutex_unlock(&loaded.lock);
  if (newer && !code) code = cresset_run_string(w->c, "server", "collectgarbage()");
  return code;
}

/* ---- scoring ------------------------------------------------------------------------------- */

/* Scores the rows of n requests at once.  Returns a code of cresset.h. */
static int score(worker *w, request **list, int n, int rows) {
  int width = list[0]->width;
  cresset_tensor *x = cresset_tensor_new(CRESSET_FLOAT32, 2, (int64_t[]){rows, width}), *y = NULL;
  if (!x) return CRESSET_NO_MEMORY;
  cresset_tensor_info in, out;
  cresset_tensor_look(x, &in);
  float *at = in.data;
  for (int i = 0; i < n; i++) {
    size_t count = (size_t)list[i]->rows * (size_t)width;
    memcpy(at, list[i]->inputs, count * sizeof *at);
    at += count;
  }
  int code = cresset_call(w->c, "score", "t>t", x, &y);
  if (code == CRESSET_OK) {
    cresset_tensor_look(y, &out);
    const float *from = out.data;
    for (int i = 0; i < n; i++) {
      size_t count = (size_t)list[i]->rows * (size_t)out.shape[1];
      list[i]->columns = (int)out.shape[1];
      list[i]->outputs = malloc(count * sizeof *from + 1);
      if (!list[i]->outputs) {
        code = CRESSET_NO_MEMORY;
        break;
      }
      memcpy(list[i]->outputs, from, count * sizeof *from);
      list[i]->status = 200;
      from += count;
    }
  }
  cresset_tensor_release(y);
  cresset_tensor_release(x);
  return code;
}

/* Why one request, scored alone, failed. */
static void refuse(worker *w, request *r, int code) {
  static const char *const whys[] = {"",
                                     "",
                                     "not enough memory",
                                     "interrupted",
                                     "the model's code called os.exit",
                                     "the model took too long"};
  r->status = code == CRESSET_ERROR ? 400 : 500;
  if (code == CRESSET_ERROR)
    take_message(r->error, sizeof r->error, cresset_error(w->c));
  else
    snprintf(r->error, sizeof r->error, "%s", whys[code]);
}

static void answer(worker *w, request **list, int n, int rows) {
  double start = now();
  int scored = 0, code = refresh(w);
  if (code == CRESSET_OK) code = score(w, list, n, rows);
  for (int i = 0; code != CRESSET_OK && i < n; i++) {
    free(list[i]->outputs);
    list[i]->outputs = NULL;
    int alone = n > 1 ? score(w, &list[i], 1, list[i]->rows) : code;
    if (alone != CRESSET_OK) refuse(w, list[i], alone);
  }
  for (int i = 0; i < n; i++) scored += list[i]->status == 200 ? list[i]->rows : 0;
  metrics_batch(n, scored, now() - start);
}

/* ---- the queue ----------------------------------------------------------------------------- */

static void put(request *r) {
  r->next = NULL;
  *(waiting.first ? waiting.last : &waiting.first) = r;
  waiting.last = &r->next;
  waiting.length++;
}

static request *get(void) {
  request *r = waiting.first;
  waiting.first = r->next;
  waiting.length--;
  return r;
}

/* Takes requests of one width until there are enough rows or time is up.  Returns how many. */
static int gather(request **list, int *rows) {
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  long nanoseconds = until.tv_nsec + (long)(options.wait * 1e9);
  until.tv_sec += nanoseconds / 1000000000;
  until.tv_nsec = nanoseconds % 1000000000;
  int n = 0;
  *rows = 0;
  for (;;) {
    while (waiting.first && n < options.batch &&
           (n == 0 || (waiting.first->width == list[0]->width &&
                       *rows + waiting.first->rows <= options.batch))) {
      list[n] = get();
      *rows += list[n++]->rows;
    }
    if (waiting.first || waiting.closing || n == options.batch || *rows >= options.batch) return n;
    if (pthread_cond_timedwait(&waiting.more, &waiting.lock, &until) == ETIMEDOUT) return n;
  }
}

static void *work(void *arg) {
  worker *w = arg;
  request **list = calloc((size_t)options.batch, sizeof *list);
  if (!list) return NULL;
  pthread_mutex_lock(&waiting.lock);
  for (;;) {
    while (!waiting.first && !waiting.closing) pthread_cond_wait(&waiting.more, &waiting.lock);
    if (!waiting.first) break;
    int rows, n = gather(list, &rows);
    pthread_mutex_unlock(&waiting.lock);
    answer(w, list, n, rows);
    for (int i = 0; i < n; i++) sem_post(&list[i]->done); /* now it is gone */
    pthread_mutex_lock(&waiting.lock);
  }
  pthread_mutex_unlock(&waiting.lock);
  free(list);
  return NULL;
}

/* Puts a request on the queue, where it has room. */
static int enqueue(request *r) {
  pthread_mutex_lock(&waiting.lock);
  int closing = waiting.closing, takes = !closing && waiting.length < options.queue;
  if (takes) {
    put(r);
    pthread_cond_signal(&waiting.more);
  } else {
    r->status = 503;
    snprintf(r->error, sizeof r->error, "%s",
             closing ? "the server is going down" : "too many requests are waiting");
  }
  pthread_mutex_unlock(&waiting.lock);
  return takes;
}

void models_score(request *r) {
  sem_init(&r->done, 0, 0);
  if (enqueue(r))
    while (sem_wait(&r->done) != 0) {
    }
  sem_destroy(&r->done);
}

/* ---- start and end ------------------------------------------------------------------------- */

static int start_worker(worker *w, char *error, size_t size) {
  int code = CRESSET_ERROR;
  if ((w->c = open_interpreter(1))) code = refresh(w);
  if (code == CRESSET_OK && options.script) code = cresset_run_file(w->c, options.script);
  if (code == CRESSET_OK && pthread_create(&w->thread, NULL, work, w) == 0) return 0;
  snprintf(error, size, "a worker could not be started: %s", cresset_error(w->c));
  cresset_close(w->c);
  return -1;
}

int models_open(const models_options *o, char *error, size_t size) {
  options = *o;
  workers = calloc((size_t)o->workers, sizeof *workers);
  if (!workers) {
    snprintf(error, size, "not enough memory");
    return -1;
  }
  if (models_reload(error, size) != 0) return -1;
  for (started = 0; started < o->workers; started++) {
    if (start_worker(&workers[started], error, size) != 0) return -1;
  }
  return 0;
}

void models_close(void) {
  pthread_mutex_lock(&waiting.lock);
  waiting.closing = 1;
  pthread_cond_broadcast(&waiting.more);
  pthread_mutex_unlock(&waiting.lock);
  for (int i = 0; i < started; i++) {
    pthread_join(workers[i].thread, NULL);
    cresset_close(workers[i].c);
  }
  free(workers);
  cresset_release(loaded.c, loaded.model);
  cresset_close(loaded.c);
}
