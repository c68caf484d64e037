/* server.c: scores rows over HTTP with a model that torch.save wrote.
 *
 *     cc server.c models.c rows.c metrics.c -o server -lpthread \
 *       $(pkg-config --cflags --libs cresset libmicrohttpd jansson)
 *     ./server model.t7 -port 8080
 *     curl -d '{"inputs": [[1, 2], [3, 4]]}' localhost:8080/predict
 *     {"outputs": [[7.0], [16.0]]}
 *
 *     POST /predict   {"inputs": rows of numbers, or one row}
 *     POST /reload    reads the model's file again, as SIGHUP does; requests go on meanwhile
 *     GET /health     200 as long as it answers
 *     GET /metrics    counts and latencies, for Prometheus
 *
 * What is wrong with a request is said in {"error": ...} with 400, 404, 405 or 413.  SIGTERM or
 * Ctrl-C: what was asked is answered, then it ends. */
#include <jansson.h>
#include <math.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "models.h"

#define MOST_BYTES (4 << 20) /* of a request's body */

/* A request's body as it comes in; a zero follows it. */
typedef struct {
  char *bytes;
  size_t size;
  int too_large;
  double began;
} body;

static atomic_int under_way; /* requests that have come, but are not answered */

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- answers ------------------------------------------------------------------------------- */

/* Sends text, which is freed afterwards; NULL is a lack of memory. */
static enum MHD_Result answer(struct MHD_Connection *connection, int status, const char *type,
                              char *text) {
  static char none[] = "{\"error\": \"not enough memory\"}";
  struct MHD_Response *r =
      text ? MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE)
           : MHD_create_response_from_buffer(sizeof none - 1, none, MHD_RESPMEM_PERSISTENT);
  if (!r) {
    free(text);
    return MHD_NO;
  }
  MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
  if (status == 405) MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, POST");
  if (status == 503) MHD_add_response_header(r, MHD_HTTP_HEADER_RETRY_AFTER, "1");
  enum MHD_Result sent = MHD_queue_response(connection, text ? (unsigned)status : 500, r);
  MHD_destroy_response(r);
  return sent;
}

static enum MHD_Result send_json(struct MHD_Connection *connection, int status, json_t *value) {
  char *text = value ? json_dumps(value, JSON_REAL_PRECISION(9)) : NULL;
  json_decref(value);
  return answer(connection, status, "application/json", text);
}

static enum MHD_Result send_error(struct MHD_Connection *connection, int status,
                                  const char *message) {
  json_t *said = json_string(message); /* NULL for what is no UTF-8 */
  return send_json(connection, status,
                   json_pack("{s: o}", "error", said ? said : json_string("the model failed")));
}

/* ---- /predict ------------------------------------------------------------------------------ */

static json_t *make_outputs(const request *r) {
  json_t *rows = json_array();
  for (int i = 0; i < r->rows; i++) {
    json_t *row = json_array();
    for (int j = 0; j < r->columns; j++) {
      double y = r->outputs[(size_t)i * (size_t)r->columns + (size_t)j];
      json_array_append_new(row, isfinite(y) ? json_real(y) : json_null()); /* JSON has no NaN */
    }
    json_array_append_new(rows, row);
  }
  return json_pack("{s: o}", "outputs", rows);
}

static enum MHD_Result predict(struct MHD_Connection *connection, const body *b, int *status) {
  request r = {.status = 400};
  float *inputs = read_inputs(b->bytes ? b->bytes : "", b->size, &r);
  if (inputs) {
    r.inputs = inputs;
    models_score(&r);
  }
  *status = r.status;
  enum MHD_Result sent = r.status == 200 ? send_json(connection, 200, make_outputs(&r))
                                         : send_error(connection, r.status, r.error);
  free(inputs);
  free(r.outputs);
  return sent;
}

/* ---- the other paths ----------------------------------------------------------------------- */

static enum MHD_Result reload(struct MHD_Connection *connection, int *status) {
  char error[512];
  *status = models_reload(error, sizeof error) == 0 ? 200 : 500;
  if (*status != 200) return send_error(connection, *status, error);
  return send_json(connection, *status, json_pack("{s: i}", "loads", models_generation()));
}

static enum MHD_Result route(struct MHD_Connection *connection, const char *path,
                             const char *method, body *b, int *status) {
  int get = strcmp(method, "GET") == 0, post = strcmp(method, "POST") == 0;
  int predicts = strcmp(path, "/predict") == 0, reloads = strcmp(path, "/reload") == 0;
  int health = strcmp(path, "/health") == 0, metrics = strcmp(path, "/metrics") == 0;
  if (!predicts && !reloads && !health && !metrics) {
    *status = 404;
    return send_error(connection, 404, "there are /predict, /reload, /health and /metrics");
  }
  if (predicts || reloads ? !post : !get) {
    *status = 405;
    return send_error(connection, 405, predicts || reloads ? "wanted POST" : "wanted GET");
  }
  if (b->too_large) {
    *status = 413;
    return send_error(connection, 413, "a body has at most 4 MiB");
  }
  if (predicts) return predict(connection, b, status);
  if (reloads) return reload(connection, status);
  *status = 200;
  if (metrics) return answer(connection, 200, "text/plain; version=0.0.4", metrics_text());
  return send_json(connection, 200, json_pack("{s: s}", "status", "ok"));
}

/* ---- the daemon ---------------------------------------------------------------------------- */

static void refuse(body *b) {
  free(b->bytes);
  *b = (body){.too_large = 1};
}

static void take(body *b, const char *bytes, size_t size) {
  if (b->too_large) return;
  char *longer = b->size + size <= MOST_BYTES ? realloc(b->bytes, b->size + size + 1) : NULL;
  if (!longer) {
    refuse(b);
    return;
  }
  memcpy(longer + b->size, bytes, size);
  b->bytes = longer;
  b->size += size;
  b->bytes[b->size] = 0;
}

/* Called at the head of a request, for each part of its body, and at its end. */
static enum MHD_Result on_request(void *user, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *bytes,
                                  size_t *size, void **state) {
  (void)user, (void)version;
  body *b = *state;
  if (!b) {
    *state = b = calloc(1, sizeof *b);
    if (!b) return MHD_NO;
    atomic_fetch_add(&under_way, 1);
    const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");
    if (length && strtoull(length, NULL, 10) > MOST_BYTES) refuse(b);
    return MHD_YES;
  }
  if (*size) {
    take(b, bytes, *size);
    *size = 0;
    return MHD_YES;
  }
  int status = 500;
  b->began = now();
  enum MHD_Result sent = route(connection, path, method, b, &status);
  metrics_request(status, now() - b->began);
  return sent;
}

static void on_end(void *user, struct MHD_Connection *connection, void **state,
                   enum MHD_RequestTerminationCode why) {
  (void)user, (void)connection, (void)why;
  body *b = *state;
  if (!b) return;
  free(b->bytes);
  free(b);
  atomic_fetch_sub(&under_way, 1);
}

/* Reads the options.  False: one is unknown or has no number. */
static int read_options(int argc, char **argv, models_options *o, int *port) {
  if (argc < 2 || argc % 2) return 0;
  o->path = argv[1];
  for (int i = 2; i < argc; i += 2) {
    char *end;
    double x = strtod(argv[i + 1], &end);
    if (strcmp(argv[i], "-script") == 0) {
      o->script = argv[i + 1];
      continue;
    }
    if (*end || !(x >= 0 && x <= 1e6)) return 0;
    if (strcmp(argv[i], "-port") == 0 && x < 65536)
      *port = (int)x;
    else if (strcmp(argv[i], "-workers") == 0 && x >= 1)
      o->workers = (int)x;
    else if (strcmp(argv[i], "-batch") == 0 && x >= 1)
      o->batch = (int)x;
    else if (strcmp(argv[i], "-wait") == 0)
      o->wait = x / 1000;
    else if (strcmp(argv[i], "-queue") == 0)
      o->queue = (int)x;
    else if (strcmp(argv[i], "-seconds") == 0)
      o->seconds = x;
    else
      return 0;
  }
  return 1;
}

static void serve_until_told(const sigset_t *signals) {
  for (int number = 0;;) {
    char error[512];
    if (sigwait(signals, &number) != 0) continue;
    if (number != SIGHUP) return;
    if (models_reload(error, sizeof error) != 0)
      fprintf(stderr, "server: the old model stays: %s\n", error);
  }
}

/* Takes no more connections, answers what was asked, and stops. */
static void stop(struct MHD_Daemon *daemon) {
  MHD_socket listening = MHD_quiesce_daemon(daemon);
  for (int i = 0; i < 1000 && atomic_load(&under_way) > 0; i++)
    nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
  MHD_stop_daemon(daemon);
  if (listening != MHD_INVALID_SOCKET) close(listening);
}

int main(int argc, char **argv) {
  models_options o = {.workers = 2, .batch = 64, .wait = 0, .queue = 1000, .seconds = 10};
  int port = 8080;
  char error[512];
  if (!read_options(argc, argv, &o, &port)) {
    fprintf(stderr,
            "usage: server MODEL.t7 [-port 8080] [-workers 2] [-batch 64 (rows)] [-wait 0 (ms)]\n"
            "              [-queue 1000 (requests)] [-seconds 10 (a batch's most)]\n"
            "              [-script FILE.lua, whose score(x) gives the outputs of a batch]\n");
    return 2;
  }
  sigset_t signals; /* all threads leave them to this one */
  sigemptyset(&signals);
  sigaddset(&signals, SIGHUP);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, NULL);
  signal(SIGPIPE, SIG_IGN);
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD,
          1 << 20); /* fixed: or each thread's heap would keep a large body's room */
#endif
  int failed = models_open(&o, error, sizeof error) != 0;
  if (failed) {
    fprintf(stderr, "server: %s\n", error);
  } else {
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_AUTO,
        (uint16_t)port, NULL, NULL, on_request, NULL, MHD_OPTION_NOTIFY_COMPLETED, on_end, NULL,
        MHD_OPTION_CONNECTION_TIMEOUT, 60u, MHD_OPTION_END);
    failed = !daemon;
    if (daemon) {
      printf("listening on %d\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
      fflush(stdout);
      serve_until_told(&signals);
      stop(daemon);
    } else {
      fprintf(stderr, "server: port %d is not free\n", port);
    }
  }
  models_close();
  return failed;
}
