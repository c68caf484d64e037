/* load.c: asks a model's server many things at once; says whether it was right, and how fast.
 *
 *     cc -O2 -D_GNU_SOURCE load.c malformed.c -o load -lm -lpthread
 *     ./load requests.txt -port 8080 -connections 16 -seconds 60 -malformed 5 -reload 10 -pid PID
 *
 * A line of requests.txt, as digits.lua writes them, is what the model gives, a tab, and the body
 * of a POST /predict.  Each connection is a thread that sends one request after the other,
 * -malformed percent of them with a mistake, and checks each answer.  -reload: POST /reload every
 * so many seconds; with -pid also the server's resident memory before and after.
 *
 * Ends with 1 if an answer was wrong or missing, or something malformed got no 4xx. */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

#define MOST_WANTED 64 /* outputs of a request */
#define TOLERANCE 1e-3 /* batches of different sizes are rounded differently */
#define PATIENCE 60    /* seconds for an answer */
#define MOST_COMPLAINTS 10

/* A request that is right. */
typedef struct {
  char *text;
  size_t size;
  double wanted[MOST_WANTED];
  int count;
} good;

typedef struct {
  int fd; /* -1: not connected */
  char *answer;
  size_t size, room;
} client;

/* What a connection saw. */
typedef struct {
  pthread_t thread;
  unsigned random;
  long right, wrong, refused, not_refused;
  float *seconds; /* of the right ones */
  size_t room;
} tally;

static struct {
  const char *file, *host;
  int port, connections, pid;
  double seconds, malformed, reload;
} options = {.host = "127.0.0.1", .port = 8080, .connections = 16, .seconds = 10};

static good *goods;
static int good_count;
static atomic_int over;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void complain(const char *form, ...) {
  static atomic_int complaints;
  if (atomic_fetch_add(&complaints, 1) >= MOST_COMPLAINTS) return;
  va_list arguments;
  va_start(arguments, form);
  char line[400];
  vsnprintf(line, sizeof line, form, arguments);
  va_end(arguments);
  fprintf(stderr, "load: %s\n", line);
}

static void *grow(void *block, size_t size) {
  void *longer = realloc(block, size);
  if (longer) return longer;
  fprintf(stderr, "load: not enough memory\n");
  exit(2);
}

/* ---- a connection -------------------------------------------------------------------------- */

static void hang_up(client *c) {
  if (c->fd >= 0) close(c->fd);
  c->fd = -1;
}

static int dial(client *c) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
  struct timeval patience = {.tv_sec = PATIENCE};
  inet_pton(AF_INET, options.host, &to.sin_addr);
  c->fd = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (connect(c->fd, (struct sockaddr *)&to, sizeof to) == 0) return 0;
  hang_up(c);
  return -1;
}

static int send_all(client *c, const char *text, size_t size) {
  while (size > 0) {
    ssize_t n = send(c->fd, text, size, MSG_NOSIGNAL);
    if (n <= 0) return -1;
    text += n;
    size -= (size_t)n;
  }
  return 0;
}

/* Reads more of the answer, which stays ended by a zero.  False: there is no more. */
static int read_more(client *c) {
  if (c->room - c->size < 4096) {
    char *longer = realloc(c->answer, c->room + 16384);
    if (!longer) return 0;
    c->answer = longer;
    c->room += 16384;
  }
  ssize_t n = recv(c->fd, c->answer + c->size, c->room - c->size - 1, 0);
  if (n <= 0) return 0;
  c->size += (size_t)n;
  c->answer[c->size] = 0;
  return 1;
}

static const char *header(const char *answer, const char *name) {
  const char *line = strcasestr(answer, name);
  return line ? line + strlen(name) : "";
}

/* Reads an answer.  Returns its status and where its body begins; 0: none came, or half of it. */
static int read_answer(client *c, size_t *body, int *closes) {
  char *end = NULL;
  int status = 0;
  c->size = 0;
  while (!end && read_more(c)) end = strstr(c->answer, "\r\n\r\n");
  if (!end || sscanf(c->answer, "HTTP/1.1 %d", &status) != 1) return 0;
  *end = 0; /* of the head, in which the headers are looked for */
  *body = (size_t)(end + 4 - c->answer);
  *closes = strncasecmp(header(c->answer, "Connection: "), "close", 5) == 0;
  size_t whole = *body + strtoul(header(c->answer, "Content-Length:"), NULL, 10);
  while (c->size < whole)
    if (!read_more(c)) return 0;
  return status;
}

/* Sends a request.  Returns the answer's status and body; 0: none came. */
static int ask(client *c, const char *text, size_t size, const char **body) {
  size_t at = 0;
  int closes = 0;
  *body = "";
  if (c->fd < 0 && dial(c) != 0) return 0;
  send_all(c, text, size); /* where it fails the server may have said why */
  int status = read_answer(c, &at, &closes);
  if (status) *body = c->answer + at;
  if (!status || closes) hang_up(c);
  return status;
}

/* ---- requests that are right ----------------------------------------------------------------- */

/* The numbers of a text, whatever is between them. */
static int read_numbers(const char *text, double *to, int most) {
  int n = 0;
  while (n < most && *(text += strcspn(text, "+-0123456789"))) {
    char *end;
    to[n++] = strtod(text, &end);
    text = end > text ? end : text + 1;
  }
  return n;
}

static int read_requests(void) {
  FILE *f = fopen(options.file, "r");
  char *line = NULL;
  size_t room = 0;
  ssize_t length;
  while (f && (length = getline(&line, &room, f)) > 0) {
    char *body = strchr(line, '\t');
    good *longer = realloc(goods, (size_t)(good_count + 1) * sizeof *goods);
    if (!body || !longer) break;
    *body++ = 0;
    body[strcspn(body, "\n")] = 0;
    goods = longer;
    good *g = &goods[good_count++];
    g->count = read_numbers(line, g->wanted, MOST_WANTED);
    g->text = make_request("POST", "/predict", "application/json", body, &g->size);
  }
  if (f) fclose(f);
  free(line);
  return good_count;
}

static int is_right(const good *g, const char *body) {
  double got[MOST_WANTED];
  if (read_numbers(body, got, MOST_WANTED) != g->count) return 0;
  for (int i = 0; i < g->count; i++)
    if (!(fabs(got[i] - g->wanted[i]) <= TOLERANCE * (1 + fabs(g->wanted[i])))) return 0;
  return 1;
}

static void ask_good(client *c, tally *t) {
  const good *g = &goods[rand_r(&t->random) % (unsigned)good_count];
  const char *body;
  double start = now();
  int status = ask(c, g->text, g->size, &body);
  double seconds = now() - start;
  if (status != 200 || !is_right(g, body)) {
    complain("a good request got %d %.200s%s", status, body, status ? "" : strerror(errno));
    t->wrong++;
    return;
  }
  if ((size_t)t->right == t->room) {
    t->room = 2 * t->room + 1024;
    t->seconds = grow(t->seconds, t->room * sizeof *t->seconds);
  }
  t->seconds[t->right++] = (float)seconds;
}

static void ask_malformed(client *c, tally *t) {
  const malformed *m = pick_malformed(rand_r(&t->random));
  const char *body;
  int status = ask(c, m->text, m->size, &body);
  if (m->ends) hang_up(c);
  if (status >= 400 && status < 500) {
    t->refused++;
  } else {
    complain("%s: got %d %.200s%s", m->what, status, body, status ? "" : strerror(errno));
    t->not_refused++;
  }
}

static void *connection(void *arg) {
  tally *t = arg;
  client c = {.fd = -1};
  while (!atomic_load(&over)) {
    if (rand_r(&t->random) % 100000 < options.malformed * 1000)
      ask_malformed(&c, t);
    else
      ask_good(&c, t);
  }
  hang_up(&c);
  free(c.answer);
  return NULL;
}

/* ---- loading the model again
 * --------------------------------------------------------------------- */

/* Kilobytes of the server in memory, 0 where that is not known. */
static long resident(void) {
  char name[64], line[256];
  long kilobytes = 0;
  snprintf(name, sizeof name, "/proc/%d/status", options.pid);
  FILE *f = options.pid ? fopen(name, "r") : NULL;
  while (f && !kilobytes && fgets(line, sizeof line, f)) sscanf(line, "VmRSS: %ld", &kilobytes);
  if (f) fclose(f);
  return kilobytes;
}

static int reload(client *c, int number, double since) {
  static char *text;
  static size_t size;
  if (!text) text = make_request("POST", "/reload", "application/json", "", &size);
  const char *body;
  long before = resident();
  double start = now();
  int status = ask(c, text, size, &body);
  double seconds = now() - start;
  if (status != 200) complain("reload %d got %d %.200s", number, status, body);
  printf("reload %d at %.0f s took %.0f ms", number, start - since, seconds * 1000);
  if (options.pid) printf("; resident KiB before %ld, after %ld", before, resident());
  putchar('\n');
  fflush(stdout);
  return status == 200;
}

static void sleep_until(double then) {
  double seconds = then - now();
  struct timespec t = {.tv_sec = (time_t)seconds, .tv_nsec = (long)(fmod(seconds, 1) * 1e9)};
  if (seconds > 0) nanosleep(&t, NULL);
}

/* Lets time go by.  Returns how many reloads failed. */
static int wait_and_reload(double start) {
  client c = {.fd = -1};
  int failed = 0;
  for (int i = 1; options.reload > 0 && i * options.reload < options.seconds; i++) {
    sleep_until(start + i * options.reload);
    failed += !reload(&c, i, start);
  }
  sleep_until(start + options.seconds);
  hang_up(&c);
  free(c.answer);
  return failed;
}

/* ---- the report
 * ---------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

static double milliseconds(const float *sorted, long n, double share) {
  long i = (long)ceil(share * (double)n) - 1;
  return n ? 1000 * (double)sorted[i < 0 ? 0 : i] : 0;
}

static void add(tally *sum, tally *t) {
  if (t->right) {
    sum->seconds = grow(sum->seconds, (size_t)(sum->right + t->right) * sizeof(float));
    memcpy(sum->seconds + sum->right, t->seconds, (size_t)t->right * sizeof(float));
  }
  sum->right += t->right;
  sum->wrong += t->wrong;
  sum->refused += t->refused;
  sum->not_refused += t->not_refused;
  free(t->seconds);
}

static void report(const tally *sum, double took) {
  long n = sum->right;
  if (n) qsort(sum->seconds, (size_t)n, sizeof(float), by_size);
  printf("%.1f s, %d connections\n", took, options.connections);
  printf("good requests: %ld right, %ld failed\n", n, sum->wrong);
  printf("malformed requests: %ld refused, %ld not\n", sum->refused, sum->not_refused);
  printf("good requests per second: %.1f\n", (double)n / took);
  printf("milliseconds: p50 %.2f, p90 %.2f, p99 %.2f, p99.9 %.2f, max %.2f\n",
         milliseconds(sum->seconds, n, 0.5), milliseconds(sum->seconds, n, 0.9),
         milliseconds(sum->seconds, n, 0.99), milliseconds(sum->seconds, n, 0.999),
         milliseconds(sum->seconds, n, 1));
}

/* Reads the options.  False: one is unknown or has no number. */
static int read_options(int argc, char **argv) {
  if (argc < 2 || argc % 2) return 0;
  options.file = argv[1];
  for (int i = 2; i < argc; i += 2) {
    char *end;
    double x = strtod(argv[i + 1], &end);
    int number = !*end && x >= 0 && x <= 1e9;
    struct in_addr address;
    if (strcmp(argv[i], "-host") == 0 && inet_pton(AF_INET, argv[i + 1], &address) == 1)
      options.host = argv[i + 1];
    else if (number && strcmp(argv[i], "-port") == 0 && x < 65536)
      options.port = (int)x;
    else if (number && strcmp(argv[i], "-connections") == 0 && x >= 1 && x <= 10000)
      options.connections = (int)x;
    else if (number && strcmp(argv[i], "-seconds") == 0)
      options.seconds = x;
    else if (number && strcmp(argv[i], "-malformed") == 0 && x <= 100)
      options.malformed = x;
    else if (number && strcmp(argv[i], "-reload") == 0)
      options.reload = x;
    else if (number && strcmp(argv[i], "-pid") == 0)
      options.pid = (int)x;
    else
      return 0;
  }
  return 1;
}

int main(int argc, char **argv) {
  if (!read_options(argc, argv)) {
    fprintf(stderr,
            "usage: load REQUESTS [-host 127.0.0.1] [-port 8080] [-connections 16] [-seconds 10]\n"
            "            [-malformed 0 (percent)] [-reload 0 (every so many seconds)] [-pid 0]\n");
    return 2;
  }
  tally sum = {0}, *tallies = calloc((size_t)options.connections, sizeof *tallies);
  if (!read_requests() || !make_malformed(goods[0].text) || !tallies) {
    fprintf(stderr, "load: %s has no requests\n", options.file);
    return 2;
  }
  double start = now();
  for (int i = 0; i < options.connections; i++) {
    tallies[i].random = (unsigned)i + 1;
    if (pthread_create(&tallies[i].thread, NULL, connection, &tallies[i]) != 0) return 2;
  }
  int failed = wait_and_reload(start);
  atomic_store(&over, 1);
  for (int i = 0; i < options.connections; i++) {
    pthread_join(tallies[i].thread, NULL);
    add(&sum, &tallies[i]);
  }
  report(&sum, now() - start);
  free(tallies);
  free(sum.seconds);
  return failed || sum.wrong || sum.not_refused || !sum.right;
}
