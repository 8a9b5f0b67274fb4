#include "CMicroHTTP.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

// Of libmicrohttpd's ABI 12 (0.9.71 and newer, 1.0 too) what is used here.
enum { NO = 0, YES = 1 };
enum { INTERNAL_POLLING_THREAD = 8, AUTO = 65536 };
enum {
  OPTION_END = 0,
  OPTION_CONNECTION_MEMORY_LIMIT = 1,
  OPTION_CONNECTION_LIMIT = 2,
  OPTION_CONNECTION_TIMEOUT = 3,
  OPTION_NOTIFY_COMPLETED = 4,
  OPTION_URI_LOG_CALLBACK = 7,
  OPTION_LISTEN_SOCKET = 12,
  OPTION_NOTIFY_CONNECTION = 27,
  OPTION_STRICT_FOR_CLIENT = 29,
};
enum { HEADER_KIND = 1 };
enum { MUST_COPY = 2 };
enum { INFO_CONNECTION_FD = 6 };
enum { CONNECTION_STARTED = 0 };
// What libmicrohttpd keeps of a header or a parameter of the query, rounded up.
enum { ENTRY_SIZE = 64 };

struct daemon;
struct response;
union info {
  int socket;
};

typedef int (*access_handler)(
    void *, struct microhttp_connection *, const char *url, const char *method, const char *version,
    const char *upload, size_t *upload_size, void **state);
typedef int (*key_value)(void *, int kind, const char *key, const char *value);

static struct {
  struct daemon *(*start)(
      unsigned flags, uint16_t port, void *, void *, access_handler, void *, ...);
  void (*stop)(struct daemon *);
  int (*values)(struct microhttp_connection *, int kind, key_value, void *);
  const union info *(*info)(struct microhttp_connection *, int kind, ...);
  struct response *(*make)(size_t, void *, int mode);
  int (*header)(struct response *, const char *name, const char *value);
  int (*queue)(struct microhttp_connection *, unsigned status, struct response *);
  void (*destroy)(struct response *);
} library;

// A connection that is open, and when it was last of use: at its start and at each of its requests.
struct place {
  struct microhttp_connection *connection;
  int socket;
  unsigned long long used;
};

// All but the start and the end of it happens on the server's own thread.
struct microhttp_server {
  struct daemon *daemon;
  microhttp_handler handler;
  void *context;
  struct microhttp_limits limits;
  unsigned long long clock;
  size_t open;
  struct place places[];
};

static bool open_library(const char **reason) {
  if (library.start) return true;
  void *handle = dlopen("libmicrohttpd.so.12", RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    *reason = dlerror();
    return false;
  }
  struct {
    const char *name;
    void **place;
  } functions[] = {
      {"MHD_stop_daemon", (void **)&library.stop},
      {"MHD_get_connection_values", (void **)&library.values},
      {"MHD_get_connection_info", (void **)&library.info},
      {"MHD_create_response_from_buffer", (void **)&library.make},
      {"MHD_add_response_header", (void **)&library.header},
      {"MHD_queue_response", (void **)&library.queue},
      {"MHD_destroy_response", (void **)&library.destroy},
      // Last: it stands for all of them.
      {"MHD_start_daemon", (void **)&library.start},
  };
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    *functions[i].place = dlsym(handle, functions[i].name);
    if (!*functions[i].place) {
      *reason = dlerror();
      return false;
    }
  }
  return true;
}

// A request's target, and whether its first call has been: libmicrohttpd calls once for the headers
// and once when the body, if any, is there.
struct state {
  bool is_seen;
  char target[];
};

static struct place *place_of(
    struct microhttp_server *server, struct microhttp_connection *connection) {
  for (size_t i = 0; i < server->open; i++)
    if (server->places[i].connection == connection) return &server->places[i];
  return NULL;
}

// libmicrohttpd limits only how long a connection says nothing: one that sends a byte now and then
// keeps its place as long as it likes. So where places run out, a new connection gets that of the one
// that was of no use for the longest time, which leaves nobody waiting for slow or idle ones.
static void notice_connection(
    void *context, struct microhttp_connection *connection, void **socket_context, int event) {
  (void)socket_context;
  struct microhttp_server *server = context;
  if (event != CONNECTION_STARTED) {
    struct place *gone = place_of(server, connection);
    if (gone) *gone = server->places[--server->open];
    return;
  }
  // There are never more than libmicrohttpd was told to accept.
  if (server->open == server->limits.connections) return;
  server->places[server->open++] = (struct place){
      connection, library.info(connection, INFO_CONNECTION_FD)->socket, ++server->clock};
  // Some places stay free: those that are given up are free a little later only.
  size_t closing = 0, most = server->limits.connections - server->limits.connections / 4;
  struct place *oldest = NULL;
  for (size_t i = 0; i < server->open; i++) {
    struct place *place = &server->places[i];
    if (!place->used)
      closing++;
    else if (!oldest || place->used < oldest->used)
      oldest = place;
  }
  if (server->open - closing <= most) return;
  oldest->used = 0;
  shutdown(oldest->socket, SHUT_RDWR);
}

// A query of thousands of parameters takes up all that a connection has while it is read, after
// which libmicrohttpd 0.9 has no answer. Its first line is known before.
static void refuse_target(struct place *place) {
  static const char answer[] =
      "HTTP/1.1 414 URI Too Long\r\nContent-Length: 35\r\nConnection: close\r\n"
      "Content-Type: application/json; charset=utf-8\r\n\r\n"
      "{\"error\":\"the address is too long\"}";
  send(place->socket, answer, sizeof answer - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
  shutdown(place->socket, SHUT_RDWR);
}

static void *keep_target(void *context, const char *uri, struct microhttp_connection *connection) {
  struct microhttp_server *server = context;
  struct place *place = place_of(server, connection);
  if (!uri) uri = "";
  size_t length = strlen(uri);
  if (length > server->limits.target) {
    if (place) refuse_target(place);
    return NULL;
  }
  if (place && place->used) place->used = ++server->clock;
  struct state *state = malloc(sizeof *state + length + 1);
  if (!state) return NULL;
  state->is_seen = false;
  memcpy(state->target, uri, length + 1);
  return state;
}

static void forget_target(
    void *context, struct microhttp_connection *connection, void **state, int reason) {
  (void)context;
  (void)connection;
  (void)reason;
  free(*state);
  *state = NULL;
}

static int read_header(void *context, int kind, const char *key, const char *value) {
  (void)kind;
  struct microhttp_request *request = context;
  if (!key) return YES;
  if (!value) value = "";
  request->headers_size += strlen(key) + strlen(value);
  if (!strcasecmp(key, "Host")) {
    request->host = value;
    request->host_count++;
  } else if (!strcasecmp(key, "Sec-Fetch-Site")) {
    // Several are none that a browser sends.
    request->fetch_site = request->fetch_site ? "several" : value;
  } else if (!strcasecmp(key, "If-None-Match")) {
    request->if_none_match = value;
  } else if (!strcasecmp(key, "Transfer-Encoding")) {
    request->has_body = true;
  } else if (!strcasecmp(key, "Content-Length") && strcmp(value, "0")) {
    request->has_body = true;
  }
  return YES;
}

static int answer(
    void *context, struct microhttp_connection *connection, const char *url, const char *method,
    const char *version, const char *upload, size_t *upload_size, void **state_place) {
  (void)url;
  (void)version;
  (void)upload;
  struct microhttp_server *server = context;
  struct state *state = *state_place;
  if (!state) return NO;
  struct microhttp_request request = {.method = method, .target = state->target};
  library.values(connection, HEADER_KIND, read_header, &request);
  // What has a body is refused before it is read, which closes the connection.
  if (!state->is_seen && !request.has_body) {
    state->is_seen = true;
    return YES;
  }
  *upload_size = 0;
  server->handler(server->context, &request, connection);
  return YES;
}

struct microhttp_server *microhttp_start(
    int socket, struct microhttp_limits limits, microhttp_handler handler, void *context,
    const char **reason) {
  if (!open_library(reason)) return NULL;
  struct microhttp_server *server =
      calloc(1, sizeof *server + limits.connections * sizeof *server->places);
  if (!server) {
    *reason = "out of memory";
    return NULL;
  }
  server->handler = handler;
  server->context = context;
  server->limits = limits;
  // Every byte of an address may be a parameter, and half of it all is for reading.
  size_t memory = 2 * ENTRY_SIZE * limits.target + 4 * limits.headers;
  server->daemon = library.start(
      INTERNAL_POLLING_THREAD | AUTO, 0, NULL, NULL, answer, server,  //
      OPTION_LISTEN_SOCKET, socket,                                   //
      OPTION_CONNECTION_LIMIT, limits.connections,                    //
      OPTION_CONNECTION_TIMEOUT, limits.timeout_seconds,              //
      OPTION_CONNECTION_MEMORY_LIMIT, memory,                         //
      OPTION_STRICT_FOR_CLIENT, 1,                                    //
      OPTION_NOTIFY_CONNECTION, notice_connection, server,            //
      OPTION_URI_LOG_CALLBACK, keep_target, server,                   //
      OPTION_NOTIFY_COMPLETED, forget_target, NULL, OPTION_END);
  if (!server->daemon) {
    *reason = "libmicrohttpd could not start";
    free(server);
    return NULL;
  }
  return server;
}

void microhttp_stop(struct microhttp_server *server) {
  library.stop(server->daemon);
  free(server);
}

void microhttp_reply(
    struct microhttp_connection *connection, unsigned status, const void *body, size_t size,
    const struct microhttp_header *headers, size_t header_count) {
  // Without memory for an answer there is none: libmicrohttpd closes the connection.
  struct response *response = library.make(size, (void *)body, MUST_COPY);
  if (!response) return;
  for (size_t i = 0; i < header_count; i++)
    library.header(response, headers[i].name, headers[i].value);
  library.queue(connection, status, response);
  library.destroy(response);
}
