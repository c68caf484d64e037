/* models.c: a model in several interpreters, which answer requests in batches.
 *
 * One interpreter loads the model; each worker has an interpreter of its own with a copy that
 * shares the weights. A worker takes what waits, as long as rows are of one width, and scores it as
 * one tensor.  Where that fails each of the requests is scored alone, so that a bad one spoils no
 * other. */
#include "models.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cresset.h>

static const char script[] = "require 'nn'\n"
                             "function load(path)\n"
                             "  local loaded = torch.load(path)\n"
                             "  if type(loaded) ~= 'table' or not loaded.forward then error(path "
                             ".. ' holds no model', 0) end\n"
                             "  loaded:evaluate()\n"
                             "  return loaded:float()\n"
                             "end\n"
                             "function score(x)\n"
                             "  local y = torch.noGrad(function() return model:forward(x) end)\n"
                             "  return y:float():contiguous():view(x:size(1), -1)\n"
                             "end\n";

static models_options options;

static struct {
  pthread_mutex_t lock; /* held by who uses the interpreter */
  cresset *c;
  cresset_value *model;
  int generation;
} loader = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct {
  pthread_mutex_t lock;
  pthread_cond_t more, done;
  request *first, **last;
  int length;
  int closing;
} waiting = {.lock = PTHREAD_MUTEX_INITIALIZER,
             .more = PTHREAD_COND_INITIALIZER,
             .done = PTHREAD_COND_INITIALIZER};

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

int models_reload(char *error, size_t size) {
  cresset_value *model = NULL;
  pthread_mutex_lock(&loader.lock);
  int code = cresset_call(loader.c, "load", "s>v", options.path, &model);
  if (code == CRESSET_OK) {
    cresset_release(loader.c, loader.model);
    loader.model = model;
    loader.generation++;
  } else {
    take_message(error, size, cresset_error(loader.c));
  }
  pthread_mutex_unlock(&loader.lock);
  return code == CRESSET_OK ? 0 : -1;
}

int models_generation(void) {
  pthread_mutex_lock(&loader.lock);
  int n = loader.generation;
  pthread_mutex_unlock(&loader.lock);
  return n;
}

/* Gives the worker the newest model, if it has not got it. */
static int refresh(worker *w) {
  cresset_value *copy = NULL;
  int code = CRESSET_OK;
  pthread_mutex_lock(&loader.lock);
  if (w->generation != loader.generation) {
    code = cresset_copy(w->c, loader.c, loader.model, &copy);
    if (!code) code = cresset_set(w->c, NULL, "model", "v", copy);
    if (!code) w->generation = loader.generation;
    cresset_release(w->c, copy);
  }
  pthread_mutex_unlock(&loader.lock);
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
    pthread_mutex_lock(&waiting.lock);
    for (int i = 0; i < n; i++) list[i]->done = 1;
    pthread_cond_broadcast(&waiting.done);
  }
  pthread_mutex_unlock(&waiting.lock);
  free(list);
  return NULL;
}

void models_score(request *r) {
  r->done = 0;
  pthread_mutex_lock(&waiting.lock);
  if (waiting.closing || waiting.length >= options.queue) {
    r->status = 503;
    snprintf(r->error, sizeof r->error, "%s",
             waiting.closing ? "the server is going down" : "too many requests are waiting");
  } else {
    put(r);
    pthread_cond_signal(&waiting.more);
    while (!r->done) pthread_cond_wait(&waiting.done, &waiting.lock);
  }
  pthread_mutex_unlock(&waiting.lock);
}

/* ---- start and end ------------------------------------------------------------------------- */

static cresset *open_interpreter(double seconds) {
  cresset *c = cresset_open(&(cresset_options){.threads = 1, .seconds = seconds});
  if (c && cresset_run_string(c, "server", script) == CRESSET_OK) return c;
  cresset_close(c);
  return NULL;
}

static int start_worker(worker *w) {
  w->c = open_interpreter(options.seconds);
  if (w->c && refresh(w) == CRESSET_OK && pthread_create(&w->thread, NULL, work, w) == 0) return 0;
  cresset_close(w->c);
  return -1;
}

int models_open(const models_options *o, char *error, size_t size) {
  options = *o;
  loader.c = open_interpreter(0);
  workers = calloc((size_t)o->workers, sizeof *workers);
  if (!loader.c || !workers) {
    snprintf(error, size, "%s", loader.c ? "not enough memory" : cresset_error(NULL));
    return -1;
  }
  if (models_reload(error, size) != 0) return -1;
  for (started = 0; started < o->workers; started++) {
    if (start_worker(&workers[started]) == 0) continue;
    snprintf(error, size, "worker %d could not be started", started + 1);
    return -1;
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
  cresset_close(loader.c);
}
