/* models.h: a model in several interpreters, which answer requests in batches. */
#ifndef MODELS_H
#define MODELS_H

#include <semaphore.h>
#include <stddef.h>

/* Rows to be scored, and where what came of them goes. */
typedef struct request {
  const float *inputs; /* rows x width */
  int rows, width;
  float *outputs; /* rows x columns; to be freed */
  int columns;
  int status;      /* as of HTTP: 200, 400 where the model refuses the input, 500, 503 */
  char error[512]; /* unless it is 200 */
  /* models.c's own */
  sem_t done;
  struct request *next;
} request;

typedef struct {
  const char *path; /* what torch.save wrote */
  int workers;      /* interpreters, each with a thread */
  int batch;        /* the most rows that are scored at once, unless one request has more */
  double wait; /* seconds that a batch waits for more rows than came while the workers were busy */
  int queue;   /* requests that wait; one more gets 503 */
  double seconds;     /* the most that one batch may take */
  const char *script; /* Lua whose score(x) takes the place of model(x); NULL: none */
} models_options;

/* Loads the model and starts the workers.  0, or -1 with a message. */
int models_open(const models_options *options, char *error, size_t size);
/* Loads the model's file again.  Batches that have begun end with the old one; when this fails (-1)
 * it stays. */
int models_reload(char *error, size_t size);
/* How many times the model was loaded. */
int models_generation(void);
/* Scores r's rows; returns when its status is set. */
void models_score(request *r);
/* Ends when all that was asked for is answered. */
void models_close(void);

/* ---- rows.c ---- */

/* The rows of a body that ends with a zero, as one array, to be freed; r gets its sizes.  NULL:
 * there is a message in r->error. */
float *read_inputs(const char *text, size_t length, request *r);

/* ---- metrics.c ---- */

void metrics_request(int status, double seconds);
void metrics_batch(int requests, int rows, double seconds);
/* Prometheus' text form; to be freed.  NULL: no memory. */
char *metrics_text(void);

#endif
