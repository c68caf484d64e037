/* metrics.c: counts and latencies in the text form of Prometheus. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "models.h"

#define BUCKETS 10

/* A histogram: how many values are at most each bound, their sum and number. */
typedef struct {
  const char *name, *help;
  double bounds[BUCKETS];
  long counts[BUCKETS], count;
  double sum;
} histogram;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const int statuses[] = {200, 400, 404, 405, 413, 500, 503};
#define STATUSES (sizeof statuses / sizeof *statuses)
static long answered[STATUSES], rows_scored;

static histogram latency = {
    .name = "cresset_request_seconds",
    .help = "Time from a request's last byte to its answer.",
    .bounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5},
};
static histogram batch_time = {
    .name = "cresset_batch_seconds",
    .help = "Time of the model for a batch.",
    .bounds = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2},
};
static histogram batch_size = {
    .name = "cresset_batch_requests",
    .help = "Requests that were scored together.",
    .bounds = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512},
};

static void observe(histogram *h, double value) {
  for (int i = 0; i < BUCKETS; i++) h->counts[i] += value <= h->bounds[i];
  h->count++;
  h->sum += value;
}

void metrics_request(int status, double seconds) {
  pthread_mutex_lock(&lock);
  for (size_t i = 0; i < STATUSES; i++) answered[i] += statuses[i] == status;
  observe(&latency, seconds);
  pthread_mutex_unlock(&lock);
}

void metrics_batch(int requests, int rows, double seconds) {
  pthread_mutex_lock(&lock);
  rows_scored += rows;
  observe(&batch_time, seconds);
  observe(&batch_size, requests);
  pthread_mutex_unlock(&lock);
}

static void write_histogram(FILE *f, const histogram *h) {
  fprintf(f, "# HELP %s %s\n# TYPE %s histogram\n", h->name, h->help, h->name);
  for (int i = 0; i < BUCKETS; i++)
    fprintf(f, "%s_bucket{le=\"%g\"} %ld\n", h->name, h->bounds[i], h->counts[i]);
  fprintf(f, "%s_bucket{le=\"+Inf\"} %ld\n%s_sum %.9g\n%s_count %ld\n", h->name, h->count, h->name,
          h->sum, h->name, h->count);
}

char *metrics_text(void) {
  char *text = NULL;
  size_t size;
  FILE *f = open_memstream(&text, &size);
  if (!f) return NULL;
  pthread_mutex_lock(&lock);
  fprintf(f, "# HELP cresset_requests_total Answers, by HTTP status.\n# TYPE "
             "cresset_requests_total counter\n");
  for (size_t i = 0; i < STATUSES; i++)
    fprintf(f, "cresset_requests_total{code=\"%d\"} %ld\n", statuses[i], answered[i]);
  fprintf(
      f,
      "# HELP cresset_rows_total Rows that the model scored.\n# TYPE cresset_rows_total counter\n");
  fprintf(f, "cresset_rows_total %ld\n", rows_scored);
  fprintf(f, "# HELP cresset_model_loads_total Times the model was loaded.\n");
  fprintf(f, "# TYPE cresset_model_loads_total counter\ncresset_model_loads_total %d\n",
          models_generation());
  write_histogram(f, &latency);
  write_histogram(f, &batch_time);
  write_histogram(f, &batch_size);
  pthread_mutex_unlock(&lock);
  if (fclose(f) != 0) {
    free(text);
    return NULL;
  }
  return text;
}
